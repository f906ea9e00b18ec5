// A ledger entry as it stands in a file: one JSON object, offsets as decimal strings. Reading trusts nothing: an entry
// that is cut, empty, edited or of another place is refused, never guessed at.
import { describe, PipelineError } from '../pipeline/errors.ts';
import type {
  BatchRecord,
  EntryKind,
  RecordFingerprint,
  RollUp,
  StagedFile,
} from '../pipeline/ledger.ts';
import { formatTopicPartition, type TopicPartition } from '../pipeline/range.ts';

const VERSION = 1;
const KINDS: readonly EntryKind[] = ['batch', 'skip', 'lost'];

type Json = Readonly<Record<string, unknown>>;

/** What is wrong with an entry; becomes POSITION_CORRUPT with the name of its file. */
class Malformed extends Error {}

const text = (value: object): Buffer =>
  Buffer.from(
    `${JSON.stringify(value, (_, field) => (typeof field === 'bigint' ? field.toString() : field))}\n`,
  );

export function formatEntry(record: BatchRecord): Buffer {
  const { topic, partition, start, end, kind, attempt, files, rows, deadLetters, skipped } = record;
  const { last, at } = record;
  return text({
    ...{ version: VERSION, topic, partition, start, end, kind, attempt },
    ...{ rows, deadLetters, skipped, files, last, at },
  });
}

export function formatOrigin(of: TopicPartition, origin: bigint, at: number): Buffer {
  return text({ version: VERSION, topic: of.topic, partition: of.partition, origin, at });
}

export function formatRollUp({ topic, partition, number, ...sums }: RollUp): Buffer {
  return text({ version: VERSION, topic, partition, rollUp: number, ...sums });
}

function field<T>(json: Json, name: string, isIt: (value: unknown) => value is T): T {
  const value = json[name];
  if (isIt(value)) return value;
  throw new Malformed(
    value === undefined ? `${name} is missing` : `${name} is not what it should be`,
  );
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string';
const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;
const isNumber = (value: unknown): value is number => typeof value === 'number';
const isKind = (value: unknown): value is EntryKind => KINDS.includes(value as EntryKind);
const isOffset = (value: unknown): value is string => isText(value) && /^\d{1,19}$/.test(value);
const isObjects = (value: unknown): value is Json[] =>
  Array.isArray(value) && value.every(isObject);

const offset = (json: Json, name: string): bigint => BigInt(field(json, name, isOffset));

function parseFile(json: Json): StagedFile {
  return {
    staged: field(json, 'staged', isText),
    final: field(json, 'final', isText),
    tablePartition: field(json, 'tablePartition', isText),
    rows: field(json, 'rows', isCount),
    bytes: field(json, 'bytes', isCount),
  };
}

function parseLast(json: Json): RecordFingerprint | undefined {
  if (json['last'] === undefined) return undefined;
  const last = field(json, 'last', isObject);
  return {
    offset: offset(last, 'offset'),
    timestamp: field(last, 'timestamp', isNumber),
    checksum: field(last, 'checksum', isText),
  };
}

/** Runs `read` over the JSON object in `content`; what is wrong with it becomes POSITION_CORRUPT naming `file`. */
function parse<T>(content: Buffer, of: TopicPartition, file: string, read: (json: Json) => T): T {
  try {
    if (content.length === 0) throw new Malformed('it is empty');
    let json: unknown;
    try {
      json = JSON.parse(content.toString('utf8'));
    } catch {
      throw new Malformed('it is not JSON, or cut short');
    }
    if (!isObject(json)) throw new Malformed('it is no JSON object');
    if (json['version'] !== VERSION) throw new Malformed(`its version is not ${VERSION}`);
    if (json['topic'] !== of.topic || json['partition'] !== of.partition) {
      throw new Malformed('it belongs to another topic partition');
    }
    return read(json);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    throw new PipelineError(
      'POSITION_CORRUPT',
      `ledger entry ${file} of ${formatTopicPartition(of)} cannot be used: ${describe(error)}`,
      {
        hint: 'An entry is never changed after it was written: restore this file from a backup or a snapshot. Do not remove it, its records would be written twice.',
        context: { topic: of.topic, partition: of.partition, file },
      },
    );
  }
}

/** The entry in `content`, which must be that of `of` at `start`. Throws POSITION_CORRUPT naming `file`. */
export function parseEntry(
  content: Buffer,
  of: TopicPartition,
  start: bigint,
  file: string,
): BatchRecord {
  return parse(content, of, file, (json) => {
    if (offset(json, 'start') !== start) throw new Malformed('it starts at another offset');
    const end = offset(json, 'end');
    if (end <= start) throw new Malformed('it ends before it starts');
    return {
      ...{ topic: of.topic, partition: of.partition, start, end },
      kind: field(json, 'kind', isKind),
      attempt: field(json, 'attempt', isText),
      files: field(json, 'files', isObjects).map(parseFile),
      rows: field(json, 'rows', isCount),
      deadLetters: field(json, 'deadLetters', isCount),
      skipped: field(json, 'skipped', isCount),
      last: parseLast(json),
      at: field(json, 'at', isNumber),
    };
  });
}

/** The first position in `content`. Throws POSITION_CORRUPT naming `file`. */
export function parseOrigin(content: Buffer, of: TopicPartition, file: string): bigint {
  return parse(content, of, file, (json) => offset(json, 'origin'));
}

/** The roll-up in `content`, which must be the one of this number. Throws POSITION_CORRUPT naming `file`. */
export function parseRollUp(
  content: Buffer,
  of: TopicPartition,
  number: number,
  file: string,
): RollUp {
  return parse(content, of, file, (json) => {
    if (json['rollUp'] !== number) throw new Malformed('it has another number');
    return {
      ...{ topic: of.topic, partition: of.partition, number },
      from: offset(json, 'from'),
      end: offset(json, 'end'),
      entries: field(json, 'entries', isCount),
      rows: field(json, 'rows', isCount),
      deadLetters: field(json, 'deadLetters', isCount),
      skipped: field(json, 'skipped', isCount),
      lost: offset(json, 'lost'),
      passedOver: offset(json, 'passedOver'),
      last: parseLast(json),
      at: field(json, 'at', isNumber),
    };
  });
}
