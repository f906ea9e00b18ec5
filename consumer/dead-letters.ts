// Records that cannot become rows go to the dead-letter topic, byte for byte, with headers that say where they came
// from and why. When too many do, the consumer stops before their batch is decided.
import type { TopicShape } from '../clients/kafka/admin.ts';
import type { Params } from '../params/schema.ts';
import type { Batch } from '../pipeline/batch.ts';
import { PipelineError } from '../pipeline/errors.ts';
import type { Log } from '../pipeline/log.ts';
import { formatRange, type TopicPartition } from '../pipeline/range.ts';
import type { OutgoingRecord } from '../pipeline/record.ts';
import type { Reject } from '../pipeline/sink.ts';

/** Headers of a dead letter. An original header of the same name is replaced (a dead letter that died again). */
export const DEAD_LETTER_HEADERS = {
  topic: 'kafka_hive.topic',
  partition: 'kafka_hive.partition',
  offset: 'kafka_hive.offset',
  timestamp: 'kafka_hive.timestamp',
  code: 'kafka_hive.code',
  reason: 'kafka_hive.reason',
  table: 'kafka_hive.table',
} as const;

/** A record of any size a broker takes by default must fit with our headers on top, and a larger topic's too. */
export const DEAD_LETTER_BYTES_MAX = 16 * 1024 * 1024;
/** Records that must have been seen before a share above zero means anything. */
const SHARE_RECORDS_MIN = 100;
/** Rejects an error names. */
const REASONS_NAMED = 3;

/** What is needed of clients/kafka/producer.ts. */
export interface DeadLetterSender {
  send(topic: string, records: readonly OutgoingRecord[], signal: AbortSignal): Promise<unknown>;
}

export interface DeadLetterOptions {
  /** Where the dead letters of a topic go. */
  readonly topicFor: (topic: string) => string;
  /** The table (`database.table`) or base path the records were meant for. */
  readonly table: string;
  readonly sender: DeadLetterSender;
  /** Creates the topic when it is missing; called before the first dead letter. */
  readonly ensureTopic: (topic: string, signal: AbortSignal) => Promise<unknown>;
  readonly share: DeadLetterShare;
  readonly log: Log;
}

/** `deadLetters.topic`, or `<topic>.dead-letters`. */
export function deadLetterTopic({
  topic,
  deadLetters,
}: Pick<Params, 'topic' | 'deadLetters'>): string {
  return deadLetters.topic ?? `${topic}.dead-letters`;
}

/** How the topic of dead letters is created. */
export function deadLetterShape({ producer }: Pick<Params, 'producer'>): TopicShape {
  const replication = producer.topicReplication;
  return { partitions: 1, replication, messageBytesMax: DEAD_LETTER_BYTES_MAX };
}

/**
 * At least once: a crash between sending and the commit sends them again at the restart, and a writer that loses the
 * commit has sent them too. `kafka_hive.topic`, `.partition` and `.offset` name a dead letter once and for all.
 */
export class DeadLetters {
  readonly #options: DeadLetterOptions;
  /** A repeated send of the same array is told apart by the sender: what Kafka has taken is not sent again. */
  readonly #letters = new WeakMap<readonly Reject[], OutgoingRecord[]>();
  /** Topics that are known to be there. */
  readonly #ready = new Set<string>();

  constructor(options: DeadLetterOptions) {
    this.#options = options;
  }

  /**
   * Sends the rejects of `batch` and creates the topic when it is missing. Call it for every batch, before its commit,
   * also with no rejects; after a failure it may be repeated. Throws CODEC_TOO_MANY_DEAD_LETTERS before anything is
   * sent, and KAFKA_*.
   */
  async send(batch: Batch, rejects: readonly Reject[], signal: AbortSignal): Promise<void> {
    this.#options.share.judge(batch, rejects);
    const first = rejects[0];
    if (first) {
      const topic = this.#options.topicFor(batch.range.topic);
      await this.#ensureTopic(topic, signal);
      await this.#options.sender.send(topic, this.#lettersOf(rejects, batch), signal);
      this.#options.log.warn('records cannot become rows and were dead-lettered', {
        range: formatRange(batch.range),
        count: rejects.length,
        topic,
        first: formatReject(first),
      });
    }
    this.#options.share.add(batch.records.length, rejects.length);
  }

  #lettersOf(rejects: readonly Reject[], { range }: Batch): OutgoingRecord[] {
    const letters =
      this.#letters.get(rejects) ??
      rejects.map((reject) => deadLetter(reject, range, this.#options.table));
    this.#letters.set(rejects, letters);
    return letters;
  }

  async #ensureTopic(topic: string, signal: AbortSignal): Promise<void> {
    if (this.#ready.has(topic)) return;
    await this.#options.ensureTopic(topic, signal);
    this.#ready.add(topic);
  }
}

/** The dead letter of a reject: key, value and headers as they came, and ours. */
export function deadLetter(reject: Reject, of: TopicPartition, table: string): OutgoingRecord {
  const { record, code, reason } = reject;
  const original = Object.entries(record.headers ?? {}).map(([name, values]) => [
    name,
    [...values],
  ]);
  return {
    key: record.key,
    value: record.value,
    headers: {
      ...Object.fromEntries(original),
      [DEAD_LETTER_HEADERS.topic]: of.topic,
      [DEAD_LETTER_HEADERS.partition]: String(of.partition),
      [DEAD_LETTER_HEADERS.offset]: record.offset.toString(),
      [DEAD_LETTER_HEADERS.timestamp]: String(record.timestamp),
      [DEAD_LETTER_HEADERS.code]: code,
      [DEAD_LETTER_HEADERS.reason]: reason,
      [DEAD_LETTER_HEADERS.table]: table,
    },
  };
}

/**
 * Watches the share of dead letters among the last records of this consumer, over all its topic partitions and in whole
 * batches: it looks back from the judged batch over as many as make up `deadLetterWindow` records. Fewer than
 * min(window, 100) records are never judged, so that the first bad record of a quiet topic stops nobody; a limit of 0
 * means that none is tolerated and is judged at once. A limit of 1 never stops.
 */
export class DeadLetterShare {
  readonly #limit: number;
  readonly #window: number;
  /** The batches the window may reach, oldest first. */
  readonly #batches: Tally[] = [];
  #records = 0;

  constructor(limits: { readonly deadLetterShare: number; readonly deadLetterWindow: number }) {
    this.#limit = limits.deadLetterShare;
    this.#window = limits.deadLetterWindow;
  }

  /** Throws CODEC_TOO_MANY_DEAD_LETTERS when `batch` takes the share above the limit. Changes nothing. */
  judge(batch: Batch, rejects: readonly Reject[]): void {
    if (rejects.length === 0) return;
    const seen = this.#lookBack({ records: batch.records.length, deadLetters: rejects.length });
    if (this.#limit > 0 && seen.records < Math.min(this.#window, SHARE_RECORDS_MIN)) return;
    if (seen.deadLetters <= seen.records * this.#limit) return;
    throw tooMany(batch, rejects, seen, this.#limit);
  }

  /** Counts a batch that was judged and whose dead letters were sent. */
  add(records: number, deadLetters: number): void {
    this.#batches.push({ records, deadLetters });
    this.#records += records;
    for (let oldest = this.#batches[0]; oldest; oldest = this.#batches[0]) {
      if (this.#records - oldest.records < this.#window) break;
      this.#batches.shift();
      this.#records -= oldest.records;
    }
  }

  #lookBack(judged: Tally): Tally {
    let { records, deadLetters } = judged;
    for (let index = this.#batches.length - 1; index >= 0 && records < this.#window; index -= 1) {
      records += this.#batches[index]?.records ?? 0;
      deadLetters += this.#batches[index]?.deadLetters ?? 0;
    }
    return { records, deadLetters };
  }
}

interface Tally {
  readonly records: number;
  readonly deadLetters: number;
}

function tooMany(
  batch: Batch,
  rejects: readonly Reject[],
  seen: Tally,
  limit: number,
): PipelineError {
  const { topic, partition, start, end } = batch.range;
  const first = rejects.slice(0, REASONS_NAMED).map(formatReject);
  const more = rejects.length > first.length ? `; and ${rejects.length - first.length} more` : '';
  return new PipelineError(
    'CODEC_TOO_MANY_DEAD_LETTERS',
    `${seen.deadLetters} of the last ${seen.records} records cannot become rows, more than the share of ${limit} ` +
      `that is allowed; in ${formatRange(batch.range)}: ${first.join('; ')}${more}`,
    {
      hint:
        'Nothing of this batch was decided; it is read again at the next start. Check consumer.valueFormat and ' +
        'table.columns against what the topic holds, or raise limits.deadLetterShare to set all of them aside.',
      context: { topic, partition, start, end },
    },
  );
}

function formatReject({ record, code, reason }: Reject): string {
  return `offset ${record.offset}: ${code} ${reason}`;
}
