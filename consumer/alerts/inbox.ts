// What was fetched and is not taken yet, checked at the door: every topic partition is read offset by offset from where it
// was begun. kafkajs may hand over an old fetch after a seek, and jumps without a word when its offset is gone.
import type { Fetched, GroupConsumer } from '../../clients/kafka/consumer.ts';
import { PackedRecords, type Records } from '../../pipeline/packed-records.ts';
import { formatTopicPartition, type TopicPartition } from '../../pipeline/range.ts';
import { type PipelineRecord, recordBytes } from '../../pipeline/record.ts';

/** Records of one topic partition; `next` lies behind the last one, or behind offsets without any. */
export interface Parcel {
  readonly of: TopicPartition;
  readonly records: Records;
  readonly next: bigint;
}

interface Door {
  readonly of: TopicPartition;
  next: bigint;
  /** Where a fetch began that did not fit; when the next one begins there too, it was no old one. */
  strayedTo: bigint | undefined;
  /** Monotonic milliseconds at which something came last. */
  heardAt: number;
}

export type Steering = Pick<GroupConsumer, 'seek' | 'pause' | 'resume'>;

/** What is held before fetching is paused: records, and their bytes. Fetches under way may add a few more. */
const RECORDS_MAX = 20_000;
const BYTES_MAX = 32 * 1024 * 1024;

export class Inbox {
  readonly #steering: Steering;
  readonly #now: () => number;
  readonly #doors = new Map<string, Door>();
  /** Told once; the topic partition is closed until it is opened again. */
  readonly #onJump: (of: TopicPartition, from: bigint, to: bigint) => void;
  #parcels: Parcel[] = [];
  #records = 0;
  #bytes = 0;

  constructor(
    steering: Steering,
    now: () => number,
    onJump: (of: TopicPartition, from: bigint, to: bigint) => void,
  ) {
    this.#steering = steering;
    this.#now = now;
    this.#onJump = onJump;
  }

  /** Fetches `of` from `offset` on. */
  open(of: TopicPartition, offset: bigint): void {
    const name = formatTopicPartition(of);
    this.#doors.set(name, { of, next: offset, strayedTo: undefined, heardAt: this.#now() });
    this.#steering.seek(of, offset);
    this.#steering.resume([of]);
  }

  /** False: it does not fit, or nothing is asked for yet. */
  records({ of, from, records, next }: Fetched): boolean {
    const door = this.#doors.get(formatTopicPartition(of));
    if (door === undefined) return false;
    if (from !== door.next) {
      this.#stray(door, from);
      return false;
    }
    this.#put(door, records, next);
    return true;
  }

  /** The offsets `[first, next)` hold no record. */
  passedOver(of: TopicPartition, first: bigint, next: bigint): void {
    const door = this.#doors.get(formatTopicPartition(of));
    if (door === undefined || next <= door.next) return;
    if (first > door.next) this.#stray(door, first);
    else this.#put(door, [], next);
  }

  /** Everything that is held, in the order in which it came. */
  take(): Parcel[] {
    const parcels = this.#parcels;
    if (this.#isFull()) this.#steering.resume(this.#all());
    this.#parcels = [];
    this.#records = 0;
    this.#bytes = 0;
    return parcels;
  }

  /** The topic partitions that have brought nothing for `ms`, and the next offset of each. */
  silentFor(ms: number): (TopicPartition & { readonly next: bigint })[] {
    const since = this.#now() - ms;
    return [...this.#doors.values()]
      .filter(({ heardAt }) => heardAt <= since)
      .map(({ of, next }) => ({ ...of, next }));
  }

  #put(door: Door, records: readonly PipelineRecord[], next: bigint): void {
    door.strayedTo = undefined;
    door.heardAt = this.#now();
    door.next = next;
    this.#parcels.push({ of: door.of, records: PackedRecords.of(records), next });
    this.#records += records.length;
    for (const record of records) this.#bytes += recordBytes(record);
    if (this.#isFull()) this.#steering.pause(this.#all());
  }

  #stray(door: Door, to: bigint): void {
    if (door.strayedTo === to) {
      // Closed until somebody has judged it.
      this.#doors.delete(formatTopicPartition(door.of));
      this.#steering.pause([door.of]);
      this.#onJump(door.of, door.next, to);
    } else {
      door.strayedTo = to;
      this.#steering.seek(door.of, door.next);
    }
  }

  #isFull(): boolean {
    return this.#records >= RECORDS_MAX || this.#bytes >= BYTES_MAX;
  }

  #all(): TopicPartition[] {
    return [...this.#doors.values()].map(({ of }) => of);
  }
}
