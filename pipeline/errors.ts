// Every error code of the program, what it means and what to do: `docs/errors.md` is generated from this table.

/** `never`: retrying cannot help. `backoff`: try again until the deadline. `repeat`: the step may simply be repeated. */
export type Retry = 'never' | 'backoff' | 'repeat';

interface ErrorFamily {
  readonly retry: Retry;
  /** Exit code of the process when this error ends it. */
  readonly exit: number;
  readonly meaning: string;
}

const family = (retry: Retry, exit: number) => (meaning: string) => ({ retry, exit, meaning });
const config = family('never', 2);
const unavailable = family('backoff', 3);
const rejected = family('never', 4);
const codec = family('never', 4);
const position = family('never', 5);
const stack = family('never', 6);

export const ERROR_CODES = {
  CONFIG_INVALID: config(
    'A setting is unknown, of the wrong type or unit, or contradicts another one.',
  ),
  CONFIG_UNREADABLE: config('A params or config file cannot be read or is not JSON.'),
  CONFIG_CREDENTIALS_MISSING: config(
    'The chosen source or service needs credentials that are not set.',
  ),
  USAGE: config('A command was called with unknown or missing arguments.'),
  KAFKA_UNAVAILABLE: unavailable('No Kafka broker answers, or none leads the topic partition.'),
  KAFKA_REJECTED: rejected(
    'Kafka refused: credentials, rights, an unknown topic or a too large message.',
  ),
  KAFKA_TLS: rejected(
    'The TLS handshake with a Kafka broker failed: certificate, name or client certificate.',
  ),
  KAFKA_CODEC_MISSING: rejected('Records are compressed with a codec this build cannot read.'),
  KAFKA_BATCH_UNREADABLE: rejected(
    'A compressed record batch is damaged, or larger than can be unpacked (128 MB, some 120,000 records).',
  ),
  HIVE_UNAVAILABLE: unavailable('HiveServer2 does not answer, or the connection broke.'),
  HIVE_REJECTED: rejected('HiveServer2 refused a statement, a login or a right.'),
  HIVE_TLS: rejected('The TLS handshake with HiveServer2 failed.'),
  HIVE_TABLE_MISMATCH: rejected(
    'The table exists but is a view, transactional, or has columns of other types.',
  ),
  HDFS_UNAVAILABLE: unavailable(
    'The NameNode or a DataNode does not answer, is starting, or is in safe mode.',
  ),
  HDFS_REJECTED: rejected('HDFS refused: rights, quota or an invalid path.'),
  FILES_REJECTED: rejected(
    'A local directory cannot be written: rights, full disk, or not a directory.',
  ),
  SOURCE_UNAVAILABLE: unavailable('The source of posts does not answer.'),
  SOURCE_REJECTED: rejected(
    'The source of posts refused: credentials, plan, or a rule it does not accept.',
  ),
  SOURCE_INPUT_INVALID: rejected(
    'An input file of the producer cannot be read or holds a line that is no record.',
  ),
  SINK_OUTCOME_UNKNOWN: {
    retry: 'repeat',
    exit: 3,
    meaning: 'A step was sent and its answer lost; commit and place may be repeated.',
  },
  CODEC_NOT_UTF8: codec('A record value is not UTF-8.'),
  CODEC_NOT_JSON: codec('A record value is not JSON.'),
  CODEC_COLUMN: codec('A field of a record does not fit the type of its column.'),
  CODEC_TOMBSTONE: codec('A record without value, and the policy for tombstones is dead-letter.'),
  CODEC_TOO_MANY_DEAD_LETTERS: codec(
    'The share of undecodable records exceeds limits.deadLetterShare.',
  ),
  POSITION_GAP: position('Records between the position and the oldest offset kept are gone.'),
  POSITION_BEYOND_END: position('The position lies behind the end of the topic partition.'),
  POSITION_TOPIC_RECREATED: position(
    'The topic holds another record where the last one was read: it was deleted and created again, or lost its end.',
  ),
  POSITION_AHEAD: position(
    'The asked start lies ahead of what the ledger holds; records would be skipped.',
  ),
  POSITION_ROLLED_UP: position(
    'A writer was away for longer than ledger.keepDays: what it wanted to write was decided long ago.',
  ),
  POSITION_LOCKED: position('Another process holds the position file or the cursor file.'),
  POSITION_CORRUPT: position(
    'A position file, cursor file or ledger entry cannot be read as what it should be.',
  ),
  POSITION_UNWRITABLE: position(
    'The position file or the cursor file cannot be written: rights or full disk.',
  ),
  VERIFY_FAILED: { retry: 'never', exit: 1, meaning: 'Topic, ledger and table do not agree.' },
  REPORT_INPUT: rejected(
    'What a report is asked of cannot be read, or holds no weather record (of the country that is asked for).',
  ),
  STACK_PREREQUISITE: stack('Node, Java or Maven is missing or too old.'),
  STACK_ARTIFACT: stack('An artifact of the local stack is missing or its checksum differs.'),
  STACK_PORT_TAKEN: stack('A port of the local stack is in use.'),
  STACK_START_FAILED: stack(
    'A service of the local stack did not become ready; the end of its log is attached.',
  ),
  STACK_DATA_VERSION: stack('The data directory was made by another version of the local stack.'),
  BUG: {
    retry: 'never',
    exit: 70,
    meaning: 'A broken invariant of this program. Please report it.',
  },
} as const satisfies Record<string, ErrorFamily>;

export type ErrorCode = keyof typeof ERROR_CODES;

export type ErrorContext = Readonly<Record<string, string | number | bigint | boolean | undefined>>;

export interface PipelineErrorOptions {
  /** What the reader should do next, as a sentence. */
  readonly hint?: string;
  /** Coordinates: topic, partition, offset, file, key, host. Never record values or secrets. */
  readonly context?: ErrorContext;
  readonly cause?: unknown;
}

/** The one error class. `message` says what failed, on what; `hint` what to do next. */
export class PipelineError extends Error {
  override readonly name = 'PipelineError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly context: ErrorContext;

  constructor(code: ErrorCode, message: string, options: PipelineErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.context = options.context ?? {};
  }

  get retry(): Retry {
    return ERROR_CODES[this.code].retry;
  }

  get exit(): number {
    return ERROR_CODES[this.code].exit;
  }
}

/** The reason of every abort that means "please end": no error, exit 0. */
export class Stopping extends Error {
  override readonly name = 'Stopping';
  constructor(why: string) {
    super(why);
  }
}

export function isCode(error: unknown, code: ErrorCode): error is PipelineError {
  return error instanceof PipelineError && error.code === code;
}

/** The text of anything thrown, without its stack. */
export function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Throws BUG unless `condition` holds. */
export function invariant(condition: boolean, why: string): asserts condition {
  if (!condition) throw new PipelineError('BUG', `broken invariant: ${why}`);
}
