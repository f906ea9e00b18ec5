// What is known between two transactions: the open windows, how far each input has come, and what is to be sent. Pure: fed
// the same records it says the same, whatever was killed in between.
import { Fault } from '../../pipeline/codec.ts';
import { formatTopicPartition, type TopicPartition } from '../../pipeline/range.ts';
import type { OutgoingRecord, PipelineRecord } from '../../pipeline/record.ts';
import type { CountryCodeOf } from '../../pipeline/weather-reading.ts';
import { deadLetter } from '../dead-letters.ts';
import { alertRecord, countRecord, observe } from './alert-records.ts';
import { formatNote, type PositionNote } from './position-note.ts';
import { lastEnd, SlidingWindows } from './windows.ts';

export interface StageOptions {
  /** How much later than the newest event of its topic partition an event may come and still be counted for sure. */
  readonly graceMs: number;
  readonly countryCodeOf: CountryCodeOf;
  /** Topic of the alerts; dead letters name it as what they were meant for. */
  readonly alertTopic: string;
  /** The largest alert that its topic takes; a larger one is a dead letter. */
  readonly alertBytesMax: number;
}

/** What one transaction sends and commits. */
export interface Outcome {
  readonly alerts: readonly OutgoingRecord[];
  readonly counts: readonly OutgoingRecord[];
  /** By input topic. */
  readonly deadLetters: ReadonlyMap<string, readonly OutgoingRecord[]>;
  readonly offsets: readonly (TopicPartition & { offset: bigint; metadata: string })[];
  /** Alerts that came too late for at least one of their windows. */
  readonly late: number;
}

/** One topic partition of the input. */
interface Input {
  readonly of: TopicPartition;
  /** The next record to be read. Before `position` records are read again, only to count them in the open windows. */
  read: bigint;
  position: bigint;
  watermark: number;
  /** Where the records of windows that are open begin, as it was committed. */
  readonly restored: bigint;
  /** By the end of the last window of a record: the first such record. */
  readonly first: Map<number, bigint>;
}

const TOO_LARGE = new Fault('CODEC_COLUMN', 'the alert would be larger than a record may be');

export class AlertStage {
  readonly #options: StageOptions;
  readonly #windows = new SlidingWindows();
  readonly #inputs = new Map<string, Input>();
  #closed = Number.NEGATIVE_INFINITY;
  #alerts: OutgoingRecord[] = [];
  #deadLetters = new Map<string, OutgoingRecord[]>();
  #late = 0;
  #hasMoved = false;

  constructor(options: StageOptions) {
    this.#options = options;
  }

  /** Call it for every topic partition before the first `take`, with what was committed; reading begins at `note.oldest`. */
  restore(of: TopicPartition, position: bigint, note: PositionNote): void {
    const { watermark, oldest } = note;
    this.#closed = Math.max(this.#closed, note.closed);
    this.#inputs.set(formatTopicPartition(of), {
      ...{ of, position, watermark, read: oldest, restored: oldest },
      first: new Map(),
    });
  }

  /** The next offset of `of` that `take` waits for. */
  next(of: TopicPartition): bigint | undefined {
    return this.#inputs.get(formatTopicPartition(of))?.read;
  }

  /** True where a window waits for time to pass. */
  get hasOpenWindows(): boolean {
    return [...this.#inputs.values()].some(({ first }) => first.size > 0);
  }

  /** Takes records from `next(of)` on, in order of offset; `nextOffset` lies behind the last, or behind offsets without any. */
  take(of: TopicPartition, records: Iterable<PipelineRecord>, nextOffset: bigint): void {
    const input = this.#inputs.get(formatTopicPartition(of));
    if (!input) return;
    for (const record of records) this.#takeRecord(input, record);
    input.read = nextOffset;
    if (nextOffset <= input.position) return;
    input.position = nextOffset;
    this.#hasMoved = true;
  }

  /** Nothing of `of` with an event time before `time` is waited for any more. */
  passTime(of: TopicPartition, time: number): void {
    const input = this.#inputs.get(formatTopicPartition(of));
    if (input) input.watermark = Math.max(input.watermark, time);
  }

  /** What is to be sent since the last call; undefined where there is nothing. A window is sent once, when it is final. */
  outcome(): Outcome | undefined {
    const counts = this.#close();
    if (!this.#hasMoved && counts.length === 0) return undefined;
    const outcome = {
      ...{ counts, alerts: this.#alerts, deadLetters: this.#deadLetters, late: this.#late },
      offsets: [...this.#inputs.values()].map((input) => this.#offset(input)),
    };
    this.#alerts = [];
    this.#deadLetters = new Map();
    this.#late = 0;
    this.#hasMoved = false;
    return outcome;
  }

  #takeRecord(input: Input, record: PipelineRecord): void {
    const isNew = record.offset >= input.position;
    const seen = observe(record, this.#options.countryCodeOf);
    if (seen instanceof Fault) {
      if (isNew) this.#reject(input, record, seen);
      return;
    }
    const { time, alert } = seen;
    input.watermark = Math.max(input.watermark, time - this.#options.graceMs);
    if (!alert) return;
    const sent = alertRecord(seen, input.of, record);
    if ((sent.value?.length ?? 0) > this.#options.alertBytesMax) {
      if (isNew) this.#reject(input, record, TOO_LARGE);
      return;
    }
    const missed = this.#windows.add(alert, time, this.#closed);
    const end = lastEnd(time);
    if (end > this.#closed && !input.first.has(end)) input.first.set(end, record.offset);
    if (!isNew) return;
    this.#alerts.push(sent);
    if (missed > 0) this.#late += 1;
  }

  #reject({ of }: Input, record: PipelineRecord, { code, reason }: Fault): void {
    const letters = this.#deadLetters.get(of.topic) ?? [];
    this.#deadLetters.set(of.topic, letters);
    letters.push(deadLetter({ record, code, reason }, of, this.#options.alertTopic));
  }

  /** Time has passed for all when it has for the slowest. While a topic partition is read again, its counts are not whole. */
  #close(): OutgoingRecord[] {
    const inputs = [...this.#inputs.values()];
    if (inputs.some(({ read, position }) => read < position)) return [];
    const passed = Math.min(...inputs.map(({ watermark }) => watermark));
    this.#closed = Math.max(this.#closed, passed);
    for (const { first } of inputs) {
      for (const end of first.keys()) if (end <= this.#closed) first.delete(end);
    }
    return this.#windows.close(this.#closed).map(countRecord);
  }

  #offset({ of, read, position, watermark, restored, first }: Input) {
    const isWhole = read >= position;
    const oldest = [...first.values()].reduce((a, b) => (b < a ? b : a), position);
    const note = { watermark, closed: this.#closed, oldest: isWhole ? oldest : restored };
    return { ...of, offset: position, metadata: formatNote(note) };
  }
}
