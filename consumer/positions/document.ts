// What stands in the position file: destination → topic → partition → the range of its last placed batch.
// Pure: text in and out is the adapter's, decisions are the store's.
import type { JsonObject } from '../../clients/json-file/safe-json-adapter.ts';
import { PipelineError } from '../../pipeline/errors.ts';
import type { PlacedBatch } from '../../pipeline/position-store.ts';

/** Where a topic partition was last placed, for one destination (`database.table`, or a base path). */
export interface SavedPosition {
  readonly destination: string;
  readonly range: PlacedBatch;
  /** ISO time of the writer's clock; for people only. */
  readonly savedAt: string;
}

const VERSION = 1;
const OFFSET = /^(0|[1-9]\d{0,18})$/;

/** One entry per destination and topic partition. An empty object (no file yet) holds none. Throws POSITION_CORRUPT. */
export function parsePositions(document: JsonObject, file: string): SavedPosition[] {
  if (Object.keys(document).length === 0) return [];
  const { version, positions } = document;
  if (version !== VERSION) {
    throw corrupt(file, 'version', `is ${JSON.stringify(version)}, this program writes ${VERSION}`);
  }
  const saved: SavedPosition[] = [];
  for (const [destination, topics] of entriesOf(positions, file, 'positions')) {
    const at = `positions.${destination}`;
    for (const [topic, partitions] of entriesOf(topics, file, at)) {
      for (const [partition, value] of entriesOf(partitions, file, `${at}.${topic}`)) {
        const where = `${at}.${topic}.${partition}`;
        if (!OFFSET.test(partition)) throw corrupt(file, where, 'is not named by a partition');
        const range = parseRange(value, file, where);
        const { savedAt } = value as JsonObject;
        saved.push({
          destination,
          range: { topic, partition: Number(partition), ...range },
          savedAt: typeof savedAt === 'string' ? savedAt : '',
        });
      }
    }
  }
  return saved;
}

/** Ordered by destination, topic and partition, so that two files can be compared. */
export function formatPositions(saved: Iterable<SavedPosition>): JsonObject {
  const positions = new Map<string, Map<string, [string, JsonObject][]>>();
  const ordered = [...saved].sort(
    (a, b) =>
      compare(a.destination, b.destination) ||
      compare(a.range.topic, b.range.topic) ||
      a.range.partition - b.range.partition,
  );
  for (const { destination, range, savedAt } of ordered) {
    const topics = positions.get(destination) ?? new Map<string, [string, JsonObject][]>();
    const partitions = topics.get(range.topic) ?? [];
    const [start, end] = [range.start.toString(), range.end.toString()];
    const lastBatch = { start, end, attempt: range.attempt };
    partitions.push([String(range.partition), { lastBatch, next: end, savedAt }]);
    positions.set(destination, topics.set(range.topic, partitions));
  }
  // fromEntries makes own properties of every name, `__proto__` (a legal topic) included.
  const nested = [...positions].map(([destination, topics]) => {
    const named = [...topics].map(([topic, list]) => [topic, Object.fromEntries(list)] as const);
    return [destination, Object.fromEntries(named)] as const;
  });
  return { version: VERSION, positions: Object.fromEntries(nested) };
}

function parseRange(
  value: unknown,
  file: string,
  where: string,
): Pick<PlacedBatch, 'start' | 'end' | 'attempt'> {
  const { lastBatch, next } = Object.fromEntries(entriesOf(value, file, where));
  const batch = Object.fromEntries(entriesOf(lastBatch, file, `${where}.lastBatch`));
  // Files of the first versions name no attempt. None is empty, so their last batch is placed again, which changes nothing.
  const { start, end, attempt = '' } = batch;
  if (!isOffset(start)) throw corrupt(file, `${where}.lastBatch.start`, 'is no offset in quotes');
  if (!isOffset(end)) throw corrupt(file, `${where}.lastBatch.end`, 'is no offset in quotes');
  if (next !== end) throw corrupt(file, `${where}.next`, 'differs from lastBatch.end');
  if (typeof attempt !== 'string') throw corrupt(file, `${where}.lastBatch.attempt`, 'is no text');
  const range = { start: BigInt(start), end: BigInt(end), attempt };
  if (range.start >= range.end) throw corrupt(file, `${where}.lastBatch`, 'ends before it starts');
  return range;
}

function isOffset(value: unknown): value is string {
  return typeof value === 'string' && OFFSET.test(value);
}

function entriesOf(value: unknown, file: string, where: string): [string, unknown][] {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return Object.entries(value);
  }
  throw corrupt(file, where, 'is no object');
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function corrupt(file: string, where: string, what: string): PipelineError {
  return new PipelineError('POSITION_CORRUPT', `${file}: ${where} ${what}`, {
    hint:
      'Move the file away and start again: the positions come back from the ledger of the table, nothing is lost or ' +
      'read twice. To move a position use `positions set`, not an editor.',
    context: { file },
  });
}
