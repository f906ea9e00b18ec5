// What stands in the cursor file: topic → rotation, and source → its cursor. Pure: text in and out is the adapter's.
import type { JsonObject } from '../clients/json-file/safe-json-adapter.ts';
import { PipelineError } from '../pipeline/errors.ts';
import type { RotationState } from './partition-rotation.ts';

export interface SavedSource {
  /** As the source gave it; undefined before its first save. */
  readonly cursor: unknown;
  /** Milliseconds since 1970. */
  readonly savedAt: number;
}

export interface SavedTopic {
  readonly rotation: RotationState | undefined;
  readonly sources: ReadonlyMap<string, SavedSource>;
}

const VERSION = 1;

/** By topic. An empty object (no file yet) holds none. Throws POSITION_CORRUPT. */
export function parseCursors(document: JsonObject, file: string): Map<string, SavedTopic> {
  if (Object.keys(document).length === 0) return new Map();
  const { version, topics } = document;
  if (version !== VERSION) {
    throw corrupt(file, 'version', `is ${JSON.stringify(version)}, this program writes ${VERSION}`);
  }
  const entries = Object.entries(objectAt(topics, file, 'topics'));
  return new Map(entries.map(([topic, value]) => [topic, parseTopic(value, file, topic)]));
}

/** Ordered by topic and source, so that two files can be compared. */
export function formatCursors(topics: ReadonlyMap<string, SavedTopic>): JsonObject {
  const named = sorted(topics).map(([topic, { rotation, sources }]) => {
    const saved = sorted(sources).map(([name, { cursor, savedAt }]) => [
      name,
      { cursor, savedAt: new Date(savedAt).toISOString() },
    ]);
    return [topic, { rotation, sources: Object.fromEntries(saved) }];
  });
  // fromEntries makes own properties of every name, `__proto__` (a legal topic) included.
  return { version: VERSION, topics: Object.fromEntries(named) };
}

function parseTopic(value: unknown, file: string, topic: string): SavedTopic {
  const where = `topics.${topic}`;
  const { rotation, sources } = objectAt(value, file, where);
  const entries = Object.entries(objectAt(sources, file, `${where}.sources`));
  const saved = entries.map(([name, entry]): [string, SavedSource] => {
    const { cursor, savedAt } = objectAt(entry, file, `${where}.sources.${name}`);
    const at = typeof savedAt === 'string' ? Date.parse(savedAt) : Number.NaN;
    if (Number.isNaN(at)) throw corrupt(file, `${where}.sources.${name}.savedAt`, 'is no time');
    return [name, { cursor, savedAt: at }];
  });
  return { rotation: parseRotation(rotation, file, where), sources: new Map(saved) };
}

function parseRotation(value: unknown, file: string, where: string): RotationState | undefined {
  if (value === undefined) return undefined;
  const { partition, spentMs } = objectAt(value, file, `${where}.rotation`);
  const isWhole = (number: unknown): number is number =>
    Number.isSafeInteger(number) && Number(number) >= 0;
  if (isWhole(partition) && isWhole(spentMs)) return { partition, spentMs };
  throw corrupt(file, `${where}.rotation`, 'holds no partition with its milliseconds');
}

function objectAt(value: unknown, file: string, where: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as JsonObject;
  }
  throw corrupt(file, where, 'is no object');
}

function sorted<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

function corrupt(file: string, where: string, what: string): PipelineError {
  return new PipelineError('POSITION_CORRUPT', `${file}: ${where} ${what}`, {
    hint: 'Check producer.cursorFile, or move the file away: the sources start afresh then, as with --from-start.',
    context: { file },
  });
}
