// What the page carries with it so that it needs no network: the charting libraries with their licences, and the coast lines.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { feature } from 'topojson-client';

const ours = createRequire(import.meta.url);

type Feature = Parameters<typeof feature>;

/** Observable Plot and the D3 it stands on, as one script of a page. */
export function chartLibraries(): string {
  const plot = ours.resolve('@observablehq/plot');
  const d3 = createRequire(plot).resolve('d3');
  return [
    ...library(d3, 'd3', 'dist/d3.min.js', 'D3'),
    ...library(plot, '@observablehq/plot', 'dist/plot.umd.min.js', 'Observable Plot'),
  ].join('\n');
}

/** The land of the earth as GeoJSON text, to a hundredth of a degree. */
export function land(): string {
  const text = readFileSync(ours.resolve('world-atlas/land-110m.json'), 'utf8');
  const topology: Feature[0] & { objects: { land: Feature[1] } } = JSON.parse(text);
  return JSON.stringify(feature(topology, topology.objects.land), (_, value) =>
    typeof value === 'number' ? Math.round(value * 100) / 100 : value,
  );
}

/** `entry` is any file of the package: its browser build is not among what it lets programs import. */
function library(entry: string, name: string, file: string, title: string): string[] {
  const root = entry.slice(0, entry.lastIndexOf(join(name, '/')) + name.length);
  const read = (path: string) => readFileSync(join(root, path), 'utf8').trim();
  return [`/*! ${title}\n${read('LICENSE')}\n*/`, read(file)];
}
