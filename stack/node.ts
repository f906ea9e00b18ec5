// One program of the stack: what it listens on, how it is prepared and started, and when it is ready.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ProcessSpec } from './process.ts';

export const SERVICES = ['kafka', 'hdfs', 'hive'] as const;
export type Service = (typeof SERVICES)[number];

export interface StackNode {
  /** As users say it: `broker 1`, `namenode`, `datanode 2`, `hive`. */
  readonly name: string;
  readonly service: Service;
  readonly ports: readonly number[];
  readonly process: ProcessSpec;
  /** Writes configuration; formats storage that is not there yet. Throws STACK_START_FAILED. */
  prepare(signal: AbortSignal): Promise<void>;
  /** What is still missing, or undefined when the node serves. Never throws, never takes more than some seconds. */
  missing(): Promise<string | undefined>;
}

/** Name of a node's pid and log file. */
export const fileName = (node: string): string => node.replace(' ', '-');

export const timesFrom1 = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index + 1));

/** Writes a file and the directories above it. */
export async function writeText(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}

const escapeXml = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** A Hadoop or Hive configuration file. */
export function siteXml(properties: Readonly<Record<string, string | number | boolean>>): string {
  const lines = Object.entries(properties).map(
    ([name, value]) =>
      `  <property><name>${escapeXml(name)}</name><value>${escapeXml(String(value))}</value></property>`,
  );
  return `<?xml version="1.0"?>\n<configuration>\n${lines.join('\n')}\n</configuration>\n`;
}
