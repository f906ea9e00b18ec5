// Which test files belong to which suite. The files are listed here because Node 20, given a folder, finds no .ts
// file and calls that a success.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export const SUITES = ['checks', 'unit', 'servers', 'crash'] as const;
export type Suite = (typeof SUITES)[number];
export type FileSuite = Exclude<Suite, 'checks'>;

interface SuiteRules {
  readonly folders: readonly string[];
  /** Files run at the same time. Those that share the stack stay few: every one of them loads Kafka and Hive. */
  readonly concurrency: number;
  readonly needsStack: boolean;
}

export const FILE_SUITES: Readonly<Record<FileSuite, SuiteRules>> = {
  unit: {
    folders: ['test/unit', 'test/contract-unit', 'test/model'],
    concurrency: 2,
    needsStack: false,
  },
  servers: { folders: ['test/servers'], concurrency: 2, needsStack: true },
  crash: { folders: ['test/crash'], concurrency: 2, needsStack: true },
};

const isTestFile = (path: string) => path.endsWith('.test.ts');

/** Test files of a suite, relative to `root`, sorted. Empty when its folders are missing or hold none. */
export function testFiles(root: string, suite: FileSuite): string[] {
  return FILE_SUITES[suite].folders
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter(isTestFile)
        .map((path) => `${folder}/${path}`),
    )
    .sort();
}

/** The suite whose folder holds `file` (relative to the root), undefined for a file of none. */
export function suiteOf(file: string): FileSuite | undefined {
  const names = Object.keys(FILE_SUITES) as FileSuite[];
  return names.find((name) =>
    FILE_SUITES[name].folders.some((folder) => file.startsWith(`${folder}/`)),
  );
}
