// The report of verify, for people (a table and sentences) and for programs (one JSON object).
import type { Accounting, PartitionReport, VerifyReport } from './judge.ts';

const COLUMNS = [
  ['partition', (one) => String(one.partition)],
  ['origin', (one) => text(one.origin)],
  ['position', (one) => text(one.position)],
  ['batches', (one) => String(one.entries)],
  ['read', (one) => String(one.read)],
  ['written', (one) => String(one.written)],
  ['dead-lettered', (one) => String(one.deadLetters)],
  ['skipped', (one) => String(one.skipped)],
  ['missing', (one) => String(one.missing)],
  ['doubled', (one) => String(one.doubled)],
  ['lost', (one) => text(one.lost)],
  ['passed over', (one) => text(one.passedOver)],
  ['lag', (one) => text(one.lag)],
] as const satisfies readonly (readonly [string, (one: PartitionReport) => string])[];

const TOTAL: Readonly<Record<string, string>> = { partition: 'all' };

export function reportLines(report: VerifyReport): string[] {
  const { topic, table, total, partitions, balanced } = report;
  const sum: PartitionReport = {
    ...total,
    partition: 0,
    origin: undefined,
    position: undefined,
    entries: partitions.reduce((all, one) => all + one.entries, 0),
    problems: [],
    notes: [],
  };
  const rows = [
    COLUMNS.map(([title]) => title as string),
    ...partitions.map((one) => COLUMNS.map(([, cell]) => cell(one))),
  ];
  if (partitions.length > 1) rows.push(COLUMNS.map(([title, cell]) => TOTAL[title] ?? cell(sum)));
  const lines = [`topic ${topic} → table ${table}`, '', ...aligned(rows), '', sentence(total)];
  for (const { problems } of partitions) lines.push(...problems.map((one) => `problem: ${one}`));
  for (const { notes } of partitions) lines.push(...notes.map((one) => `note: ${one}`));
  lines.push(balanced ? 'topic, ledger and table agree' : 'topic, ledger and table do not agree');
  return lines;
}

/** `read = written + dead-lettered + skipped` with its numbers; `≠` where it does not hold. */
export function sentence(total: Accounting): string {
  const { read, written, deadLetters, skipped, missing, doubled } = total;
  const sign = read === written + deadLetters + skipped ? '=' : '≠';
  return (
    `read ${sign} written + dead-lettered + skipped: ` +
    `${read} ${sign} ${written} + ${deadLetters} + ${skipped}; ${missing} missing, ${doubled} doubled`
  );
}

/** Offsets are decimal strings, counts of records are numbers. */
export function reportJson(report: VerifyReport): string {
  return JSON.stringify(report, (_, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
}

/** Columns padded to their widest cell, numbers to the right. */
export function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows.map((row) =>
    row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  '),
  );
}

function text(offset: bigint | undefined): string {
  return offset === undefined ? '-' : offset.toString();
}
