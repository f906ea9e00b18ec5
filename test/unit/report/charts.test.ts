// The page in a real browser, where there is one: every chart is drawn and nothing is complained of.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { putFile, writeTree } from '../../support/weather-tree.ts';
import { kafkaHive, workingDirectory } from '../cli/command-line.ts';

const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome'];
const browser = BROWSERS.find((name) => spawnSync(name, ['--version']).status === 0);
const skip = browser === undefined && `none of ${BROWSERS.join(', ')} is installed`;

/** The document after its scripts ran, and what the console was told. */
function openPage(file: string, profile: string): { document: string; told: string[] } {
  const { stdout, stderr } = spawnSync(
    browser ?? '',
    [
      ...['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${profile}`],
      ...['--enable-logging=stderr', '--virtual-time-budget=5000', '--dump-dom'],
      pathToFileURL(file).href,
    ],
    { encoding: 'utf8', timeout: 60_000, maxBuffer: 64 * 1024 * 1024 },
  );
  return { document: stdout, told: stderr.split('\n').filter((line) => /CONSOLE/.test(line)) };
}

test('a browser draws every chart of a full and of the smallest report', { skip }, async (t) => {
  const directory = workingDirectory(t);
  writeTree(join(directory, 'full'), 2000);
  putFile(join(directory, 'least'), 'FR/Paris', '{"temperature":1,"latitude":1,"longitude":1}\n');
  for (const [input, charts] of [
    ['full', 12],
    ['least', 3],
  ] as const) {
    const { exit } = await kafkaHive(['report', '-i', input, '-o', `${input}.html`], { directory });
    assert.equal(exit, 0);
    const { document, told } = openPage(
      join(directory, `${input}.html`),
      join(directory, 'profile'),
    );
    const drawn = [...document.matchAll(/data-view="(\w+)"[^>]*><(svg|figure)/g)];
    const empty = [...document.matchAll(/data-view="(\w+)"[^>]*><\/div>/g)].map(([, id]) => id);
    assert.deepEqual(empty, [], input);
    assert.equal(drawn.length, charts, input);
    assert.deepEqual(told, [], input);
  }
});
