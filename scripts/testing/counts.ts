// What a test run came to. Every suite adds to one sum; the last line of `npm test` prints it.

export interface Failure {
  /** File or check. */
  readonly where: string;
  readonly name: string;
  readonly reason: string;
}

export interface Counts {
  readonly passed: number;
  readonly skipped: number;
  readonly failures: readonly Failure[];
}

export const NOTHING: Counts = { passed: 0, skipped: 0, failures: [] };

export function sum(all: readonly Counts[]): Counts {
  return {
    passed: all.reduce((total, counts) => total + counts.passed, 0),
    skipped: all.reduce((total, counts) => total + counts.skipped, 0),
    failures: all.flatMap((counts) => counts.failures),
  };
}

export const failed = (where: string, name: string, reason: string): Counts => ({
  ...NOTHING,
  failures: [{ where, name, reason }],
});

/** `N passed, N failed`, with the skipped ones when there are any. */
export function formatCounts(counts: Counts): string {
  const line = `${counts.passed} passed, ${counts.failures.length} failed`;
  return counts.skipped > 0 ? `${line}, ${counts.skipped} skipped` : line;
}

/** A run is good when something passed and nothing failed. */
export const isGood = (counts: Counts): boolean =>
  counts.passed > 0 && counts.failures.length === 0;

interface Entry {
  readonly running?: string;
  readonly name?: string;
  readonly result?: 'pass' | 'fail' | 'skip';
  readonly reason?: string;
}

export interface FileEnd {
  readonly code: number | undefined;
  /** Why the file was ended before its time, undefined when it ended itself. */
  readonly cutShort: string | undefined;
}

/**
 * Counts of one file, from the lines the reporter wrote. A file without any test, one that was cut short and one that
 * ends with an error outside of its tests are failures too.
 */
export function countFile(file: string, lines: string, end: FileEnd): Counts {
  const entries: Entry[] = lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  const of = (result: Entry['result']) => entries.filter((entry) => entry.result === result);
  const counts: Counts = {
    passed: of('pass').length,
    skipped: of('skip').length,
    failures: of('fail').map(({ name = '', reason = '' }) => ({ where: file, name, reason })),
  };
  if (end.cutShort !== undefined) {
    const running = entries.findLast((entry) => entry.running !== undefined)?.running;
    const reason = running === undefined ? end.cutShort : `${end.cutShort}, in: ${running}`;
    return sum([counts, failed(file, 'the whole file', reason)]);
  }
  if (end.code !== 0 && counts.failures.length === 0) {
    const reason = `ended with ${end.code === undefined ? 'a signal' : `exit code ${end.code}`}`;
    return sum([counts, failed(file, 'outside of its tests', reason)]);
  }
  if (entries.every((entry) => entry.result === undefined))
    return sum([counts, failed(file, 'the whole file', 'holds no test')]);
  return counts;
}
