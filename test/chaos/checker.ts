// Judges what stands after a schedule: every promise of the product, one function each. Pure: evidence in, violations out.
import { judge } from '../../consumer/verify/judge.ts';
import type { BatchRecord } from '../../pipeline/ledger.ts';
import { formatRange } from '../../pipeline/range.ts';
import type { Evidence, TopicRecord } from './evidence.ts';
import { fateOf, homeOf, isLocations, recordOf, type Workload } from './workload.ts';

export interface Violation {
  readonly promise:
    | 'acknowledged'
    | 'sent once'
    | 'lost'
    | 'doubled'
    | 'invented'
    | 'altered'
    | 'order'
    | 'ledger'
    | 'accounting'
    | 'leftover';
  /** Where; undefined when it is about no record. */
  readonly at: { readonly partition: number; readonly offset: bigint } | undefined;
  readonly what: string;
}

/** What the producers were promised: by producer, every record below this number. */
export type Acknowledged = readonly number[];

/** Every broken promise; empty when all hold. */
export function check(
  evidence: Evidence,
  acknowledged: Acknowledged,
  workload: Workload,
): Violation[] {
  return [
    ...checkSending(evidence, acknowledged, workload),
    ...checkRows(evidence, workload),
    ...checkFiles(evidence, workload),
    ...checkDeadLetters(evidence, workload),
    ...checkChains(evidence, workload),
    ...checkAccounting(evidence),
    ...evidence.leftovers.map(
      (name): Violation => ({
        promise: 'leftover',
        at: undefined,
        what: `${name} is still staged`,
      }),
    ),
  ];
}

const nameOf = ({ partition, offset }: { partition: number; offset: bigint }) =>
  `${partition}:${offset}`;

const placeOf = ({ partition, offset }: { partition: number; offset: bigint }) => ({
  partition,
  offset,
});

/** Acknowledged records are in the topic; one life of a producer sends each once, in order, unaltered. */
function checkSending(
  { records }: Evidence,
  acknowledged: Acknowledged,
  workload: Workload,
): Violation[] {
  const found: Violation[] = [];
  const held = new Set(records.map(({ id }) => id));
  for (const [producer, end] of acknowledged.entries()) {
    for (let sequence = 0; sequence < end; sequence += 1) {
      if (held.has(`${producer}-${sequence}`)) continue;
      const what = `record ${producer}-${sequence} was acknowledged and is not in the topic`;
      found.push({ promise: 'acknowledged', at: undefined, what });
    }
  }
  const latest = new Map<string, number>();
  for (const record of records) {
    const { id, run, partition } = record;
    const [producer = 0, sequence = 0] = id.split('-').map(Number);
    const lane = `${producer} ${run} ${partition}`;
    const before = latest.get(lane) ?? -1;
    if (sequence <= before) {
      const what = `record ${id} stands behind ${producer}-${before} of the same life of its producer`;
      found.push({ promise: 'sent once', at: placeOf(record), what });
    }
    latest.set(lane, Math.max(before, sequence));
    const sent = recordOf(producer, sequence, workload);
    if (!sameBytes(sent.value, record.value) || sent.timestamp !== record.timestamp) {
      found.push({
        promise: 'altered',
        at: placeOf(record),
        what: `record ${id} is not as it was sent`,
      });
    }
  }
  return found;
}

/**
 * Each record that can be a row is one row with its values; nothing else is a row. What lies behind the end of a chain
 * is not read yet, and only `checkChains` complains of that.
 */
function checkRows({ records, rows, chains }: Evidence, workload: Workload): Violation[] {
  const found: Violation[] = [];
  const byName = new Map<string, Evidence['rows'][number][]>();
  for (const row of rows) {
    const name = nameOf(row);
    byName.set(name, [...(byName.get(name) ?? []), row]);
  }
  for (const record of records) {
    const name = nameOf(record);
    const standing = byName.get(name) ?? [];
    byName.delete(name);
    const fate = fateOf(record.value, workload.tombstones);
    const [row] = standing;
    if (fate.kind !== 'row') {
      if (row)
        found.push({ promise: 'invented', at: placeOf(record), what: `a ${fate.kind} is a row` });
    } else if (row === undefined) {
      if (entryAt(chains, record.partition, record.offset) === undefined) continue;
      found.push({
        promise: 'lost',
        at: placeOf(record),
        what: `record ${record.id} is not in the table`,
      });
    } else if (standing.length > 1) {
      const files = standing.map(({ file }) => file).join(', ');
      const what = `record ${record.id} is in the table ${standing.length} times: ${files}`;
      found.push({ promise: 'doubled', at: placeOf(record), what });
    } else if (entryAt(chains, record.partition, record.offset) === undefined) {
      found.push({
        promise: 'invented',
        at: placeOf(record),
        what: `no ledger entry covers the row of record ${record.id}`,
      });
    } else if (row.id !== fate.id || row.text !== fate.text) {
      found.push({
        promise: 'altered',
        at: placeOf(record),
        what: `the row of record ${record.id} differs`,
      });
    } else if (!row.file.includes(`/${homeOf(record, workload)}/`)) {
      found.push({
        promise: 'altered',
        at: placeOf(record),
        what: `the row of record ${record.id} lies in ${row.file}`,
      });
    }
  }
  for (const [row] of byName.values()) {
    if (row)
      found.push({ promise: 'invented', at: placeOf(row), what: 'the topic has no such record' });
  }
  return found;
}

/** Within a file rows stand in the order of their offsets, and a file that does not grow holds rows of one entry only. */
function checkFiles({ rows, chains }: Evidence, { sink }: Workload): Violation[] {
  const found: Violation[] = [];
  const last = new Map<string, { offset: bigint; entry: BatchRecord | undefined }>();
  for (const row of rows) {
    const lane = `${row.file} ${row.partition}`;
    const before = last.get(lane);
    const entry = entryAt(chains, row.partition, row.offset);
    if (before && row.offset <= before.offset) {
      const what = `${row.file} has it behind offset ${before.offset}`;
      found.push({ promise: 'order', at: placeOf(row), what });
    }
    if (before && entry !== before.entry && !isLocations(sink)) {
      const what = `${row.file} holds rows of several ledger entries`;
      found.push({ promise: 'order', at: placeOf(row), what });
    }
    last.set(lane, { offset: row.offset, entry });
  }
  return found;
}

/** Each record that cannot be a row is among the dead letters, byte for byte; nothing else is. */
function checkDeadLetters(
  { records, deadLetters, chains }: Evidence,
  workload: Workload,
): Violation[] {
  const found: Violation[] = [];
  const letters = new Map(deadLetters.map((letter) => [nameOf(letter), letter]));
  for (const record of records) {
    const letter = letters.get(nameOf(record));
    letters.delete(nameOf(record));
    const isExpected = fateOf(record.value, workload.tombstones).kind === 'dead-letter';
    const isRead = entryAt(chains, record.partition, record.offset) !== undefined;
    if (isRead && isExpected && letter === undefined) {
      found.push({
        promise: 'lost',
        at: placeOf(record),
        what: `dead letter ${record.id} is missing`,
      });
    } else if (letter && !isExpected) {
      found.push({
        promise: 'invented',
        at: placeOf(record),
        what: 'a good record is a dead letter',
      });
    } else if (letter && !sameBytes(letter.value, record.value)) {
      found.push({
        promise: 'altered',
        at: placeOf(record),
        what: `dead letter ${record.id} differs`,
      });
    }
  }
  for (const letter of letters.values()) {
    found.push({ promise: 'invented', at: placeOf(letter), what: 'a dead letter of no record' });
  }
  return found;
}

/** The entries of a partition cover its log from first to last offset, and each counts what the topic holds of it. */
function checkChains({ chains, ends, records, topic }: Evidence, workload: Workload): Violation[] {
  const found: Violation[] = [];
  for (const { partition, facts, entries } of chains) {
    const end = ends.get(partition) ?? 0n;
    const own = records.filter((record) => record.partition === partition);
    let position = 0n;
    const complain = (offset: bigint, what: string) =>
      found.push({ promise: 'ledger', at: { partition, offset }, what });
    if (facts && facts.origin !== 0n) complain(facts.origin, 'the chain begins here');
    for (const entry of entries) {
      if (entry.start !== position) complain(entry.start, `an entry begins, expected ${position}`);
      position = entry.end;
      const counted = count(own, entry, workload);
      const said = { rows: entry.rows, deadLetters: entry.deadLetters, skipped: entry.skipped };
      if (entry.kind === 'batch' && JSON.stringify(counted) === JSON.stringify(said)) continue;
      const range = formatRange({ ...entry, topic });
      complain(
        entry.start,
        `${entry.kind} ${range} says ${JSON.stringify(said)}, the topic holds ${JSON.stringify(counted)}`,
      );
    }
    if (position !== end) complain(position, `the chain ends at ${position}, the topic at ${end}`);
  }
  return found;
}

function count(
  own: readonly TopicRecord[],
  { start, end }: BatchRecord,
  { tombstones }: Workload,
): { rows: number; deadLetters: number; skipped: number } {
  const kinds = own
    .filter(({ offset }) => offset >= start && offset < end)
    .map(({ value }) => fateOf(value, tombstones).kind);
  const of = (kind: string) => kinds.filter((one) => one === kind).length;
  return { rows: of('row'), deadLetters: of('dead-letter'), skipped: of('skipped') };
}

/** `verify`'s own judgement over the same facts. */
function checkAccounting({ topic, table, ends, rows, chains }: Evidence): Violation[] {
  const facts = chains.map(({ partition, facts: ledger }) => {
    const own = rows.filter((row) => row.partition === partition);
    const inside = own.filter(({ offset }) => entryAt(chains, partition, offset) !== undefined);
    const distinct = new Set(inside.map(({ offset }) => offset));
    const highest = [...distinct].reduce<bigint | undefined>(
      (most, offset) => (most === undefined || offset > most ? offset : most),
      undefined,
    );
    return {
      ...{ topic, partition, count: undefined },
      topicHolds: { logStart: 0n, highWatermark: ends.get(partition) ?? 0n },
      ledger,
      table: {
        ...{ rows: inside.length, distinct: distinct.size, highest },
        outside: own.length - inside.length,
      },
    };
  });
  const { partitions, total } = judge(topic, table, facts);
  const problems = partitions.flatMap((one) => one.problems);
  if (total.lag > 0n) problems.push(`${total.lag} offsets are not read`);
  return problems.map((what) => ({ promise: 'accounting', at: undefined, what }));
}

export function entryAt(
  chains: Evidence['chains'],
  partition: number,
  offset: bigint,
): BatchRecord | undefined {
  const entries = chains.find((chain) => chain.partition === partition)?.entries ?? [];
  return entries.find(({ start, end }) => offset >= start && offset < end);
}

function sameBytes(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b);
}
