// What a lane sees of the log in front of its position, through the same fetches: the last record that was read, to notice
// a topic that was deleted and created again, and the ids of the window of `consumer.dedupe`. Nothing of it is delivered.
import { PipelineError } from '../pipeline/errors.ts';
import type { RecordFingerprint } from '../pipeline/ledger.ts';
import { formatTopicPartition, type TopicPartition } from '../pipeline/range.ts';
import type { PipelineRecord } from '../pipeline/record.ts';
import type { Repeats } from './dedupe.ts';
import { fingerprint } from './sinks/fingerprint.ts';

/** Where a topic partition is read from, and what is known of the log in front of it. */
export interface Start {
  /** The next offset to be delivered. */
  readonly position: bigint;
  /** The last record that was read into the table; undefined when there is none, or it is not known. */
  readonly last: RecordFingerprint | undefined;
  /** Where the table begins, and where the log does: nothing in front of these is looked at. */
  readonly origin: bigint;
  readonly logStart: bigint;
}

/**
 * Looks at the last record first; where that lies before the window, the offsets between are left out. A record that is not
 * in the log any more (compaction) cannot be compared and proves nothing.
 */
export class LookBack {
  readonly #of: TopicPartition;
  readonly #repeats: Repeats | undefined;
  /** From here on records belong to the lane; before it they are only looked at. */
  #end: bigint;
  /** From here on ids are remembered. */
  #idsFrom: bigint;
  #last: RecordFingerprint | undefined;
  #next: bigint | undefined;

  constructor(of: TopicPartition, start: Start, repeats?: Repeats) {
    const { position, last, origin, logStart } = start;
    this.#of = of;
    this.#repeats = repeats;
    this.#end = position;
    this.#idsFrom = position - (repeats?.window ?? 0n);
    for (const limit of [origin, logStart]) if (this.#idsFrom < limit) this.#idsFrom = limit;
    this.#last = last && last.offset >= logStart ? last : undefined;
    this.#goTo(logStart);
  }

  /** The last record that was taken, or read into the table before; undefined when it is not known. */
  get last(): RecordFingerprint | undefined {
    return this.#last;
  }

  /** The next offset to look at; undefined when there is nothing left before the lane's own. */
  get next(): bigint | undefined {
    return this.#next;
  }

  /**
   * Takes records in order of offset, from `next` or the lane's position on, and returns the lane's own among them.
   * Throws POSITION_TOPIC_RECREATED when the last record is another one.
   */
  take(records: readonly PipelineRecord[], nextOffset: bigint): readonly PipelineRecord[] {
    let own = records;
    if (this.#next !== undefined) {
      for (const record of records) this.#look(record);
      own = records.filter(({ offset }) => offset >= this.#end);
      this.passOver(nextOffset);
    }
    this.#last = fingerprint(own.at(-1)) ?? this.#last;
    return own;
  }

  /** Everything before `nextOffset` was looked at, or holds no record. */
  passOver(nextOffset: bigint): void {
    if (this.#next !== undefined && nextOffset > this.#next) this.#goTo(nextOffset);
  }

  /** True if `record`, the next one of the lane's own, repeats an earlier one. */
  isRepeat(record: PipelineRecord): boolean {
    return this.#repeats?.isRepeat(record) ?? false;
  }

  /**
   * Has the last record looked at once more; `position` is where the lane stands now. False: it is under way, or none is known
   * that is in the log, which begins at `logStart`.
   */
  again(position: bigint, logStart: bigint): boolean {
    if (this.#last && this.#last.offset < logStart) this.#last = undefined;
    if (this.#next !== undefined || this.#last === undefined) return false;
    this.#end = position;
    this.#idsFrom = position;
    this.#goTo(this.#last.offset);
    return true;
  }

  /** On from `offset`: to the last record where it lies before the window, and then to the window. */
  #goTo(offset: bigint): void {
    const last = this.#last?.offset;
    const target =
      last !== undefined && offset <= last && last < this.#idsFrom ? last : this.#idsFrom;
    let next = offset;
    if (next < target) next = target;
    this.#next = next < this.#end ? next : undefined;
  }

  #look(record: PipelineRecord): void {
    const { offset } = record;
    if (offset >= this.#end) return;
    if (offset === this.#last?.offset) this.#compare(record, this.#last);
    if (offset >= this.#idsFrom) this.#repeats?.isRepeat(record);
  }

  #compare(record: PipelineRecord, last: RecordFingerprint): void {
    const found = fingerprint(record);
    if (found?.checksum === last.checksum && found.timestamp === last.timestamp) return;
    const of = formatTopicPartition(this.#of);
    throw new PipelineError(
      'POSITION_TOPIC_RECREATED',
      `${of}: the record at offset ${last.offset} is not the one that was read there`,
      {
        hint: `The topic was deleted and created again, or lost its end and grew anew. Read the new one into another table (table.name). To go on in this table all the same, leave out the records before an offset behind ${last.offset + 1n}: positions set ${this.#of.partition}:<offset> --force`,
        context: { ...this.#of, offset: last.offset },
      },
    );
  }
}
