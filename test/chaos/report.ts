// What a person reads of a chaos run: the plan, what was done to whom, and of a broken promise all that is needed to
// understand and repeat it.
import { formatRange } from '../../pipeline/range.ts';
import { entryAt, type Violation } from './checker.ts';
import type { Evidence } from './evidence.ts';
import type { Fault } from './fault.ts';
import type { Injected } from './injector.ts';
import type { Schedule } from './schedule.ts';

/** How one schedule went. Milliseconds. */
export interface TrialReport {
  readonly schedule: Schedule;
  readonly injected: readonly Injected[];
  /** Records in the topic, rows in the table, batches in the ledger. */
  readonly counts: { readonly records: number; readonly rows: number; readonly batches: number };
  /** Longest time, from the start on, in which no consumer placed anything. */
  readonly stallMs: number;
  /** From the end of the faults until everything was placed. */
  readonly recoveryMs: number;
  /** Ends with exit code 3: a server was away for too long, and the process was started again. */
  readonly gaveUp: readonly string[];
  readonly tookMs: number;
  /** How often a reader has read the growing tree; 0 for a table. */
  readonly treeReads: number;
  /** Sentences, the broken promises. Empty: all hold. */
  readonly broken: readonly string[];
}

const SHOWN_MAX = 8;

export function replayCommand({ seed, minutes, sink, plant }: Schedule): string {
  const planted = plant === undefined ? '' : ` --plant ${plant}`;
  return `npm run chaos -- --seed ${seed} --minutes ${minutes} --sink ${sink}${planted}`;
}

/** The plan, before it begins. */
export function planLines({ seed, minutes, workload, faults }: Schedule): string[] {
  const { sink, format, partitions, producers, consumers, store, tombstones, batch } = workload;
  return [
    `seed ${seed}: ${faults.length} faults in ${minutes} min; ${sink} (${format}), ${partitions} topic partitions, ${producers} producers of ${workload.rate} records/s, ${consumers} consumers, positions in ${store}`,
    `  batches of ${batch.size}, ${batch.ageMsMax} ms old, ${batch.idleMsMax} ms idle; tombstones ${tombstones}; ${workload.days} days`,
    ...faults.map((fault) => `  ${seconds(fault.atMs).padStart(7)}  ${describeFault(fault)}`),
  ];
}

function describeFault(fault: Fault): string {
  const { kind, target, durationMs, atMs: _, ...rest } = fault;
  const details = Object.entries(rest).map(([name, value]) => `${name} ${value}`);
  const who = typeof target === 'number' ? `#${target}` : target;
  const lasting = durationMs > 0 ? [`for ${seconds(durationMs)}`] : [];
  return [kind, who, ...details, ...lasting].join(' ');
}

/** One line for each fault: when, what, and whether there was anything to hit. */
export function injectedLines(injected: readonly Injected[]): string[] {
  return [...injected]
    .sort((a, b) => a.beganMs - b.beganMs)
    .map(
      ({ fault, beganMs, endedMs, outcome }) =>
        `  ${seconds(beganMs).padStart(7)} - ${seconds(endedMs).padEnd(7)} ${outcome.padEnd(6)} ${describeFault(fault)}`,
    );
}

export function summaryLine(report: TrialReport): string {
  const { schedule, injected, counts, broken } = report;
  const hits = injected.filter(({ outcome }) => outcome === 'hit').length;
  const parts = [
    `seed ${schedule.seed} ${broken.length === 0 ? 'holds' : 'BROKEN'}`,
    schedule.workload.sink,
    `${hits} of ${injected.length} faults hit`,
    `${counts.records} records, ${counts.rows} rows, ${counts.batches} batches`,
    `longest stall ${seconds(report.stallMs)}`,
    `recovered in ${seconds(report.recoveryMs)}`,
    ...(report.treeReads > 0 ? [`tree read ${report.treeReads} times`] : []),
    `${seconds(report.tookMs)} in all`,
  ];
  return [parts.join(', '), ...report.gaveUp.map((end) => `  ${end}`)].join('\n');
}

/** Violations by promise, the first of each with its coordinates and the ledger entries around. */
export function violationLines(
  violations: readonly Violation[],
  evidence: Evidence,
  max = SHOWN_MAX,
): string[] {
  const promises = new Set(violations.map(({ promise }) => promise));
  return [...promises].flatMap((promise) => {
    const of = violations.filter((violation) => violation.promise === promise);
    const shown = of.slice(0, max).map((violation) => violationLine(violation, evidence));
    return of.length > max ? [...shown, `${promise}: ${of.length - max} more`] : shown;
  });
}

function violationLine({ promise, at, what }: Violation, evidence: Evidence): string {
  if (at === undefined) return `${promise}: ${what}`;
  const around = [at.offset - 1n, at.offset, at.offset + 1n].map((offset) =>
    entryAt(evidence.chains, at.partition, offset),
  );
  const entries = [...new Set(around)].flatMap((entry) =>
    entry ? [`${formatRange(entry)} by ${entry.attempt.slice(0, 8)}`] : [],
  );
  const where = `${evidence.topic}-${at.partition}@${at.offset}`;
  return `${promise}: ${where}: ${what} (ledger: ${entries.join(', ') || 'no entry'})`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
