// Records that are held, as bytes: a hundred thousand objects that live for a second or two would cost the garbage collector
// more than everything else that is done with them. Each is made anew when it is asked for.
import type { PipelineRecord, RecordHeaders } from './record.ts';

/** Records in order of offset. An array is one. */
export interface Records extends Iterable<PipelineRecord> {
  readonly length: number;
  /** As of an array: a negative `index` counts from the end. */
  at(index: number): PipelineRecord | undefined;
}

/** One record after the other: offset, timestamp, length of the key, length of the value, key, value. */
interface Slab {
  readonly bytes: Buffer;
  readonly view: DataView;
  used: number;
}

/** Of each slab; a record that is larger gets one of its own. Most topic partitions hold little. */
const SLAB_BYTES_MIN = 4 * 1024;
const SLAB_BYTES_MAX = 256 * 1024;
/** Where a record has what. */
const [TIMESTAMP, KEY_LENGTH, VALUE_LENGTH, KEY] = [8, 16, 20, 24] as const;
/** Length of a key or value that is null. */
const NULL = -1;

/** Copies keys and values, so that nothing keeps the answer of a fetch in memory. */
export class PackedRecords implements Records {
  readonly #slabs: Slab[] = [];
  /** By index; few topics have any. */
  readonly #headers = new Map<number, RecordHeaders>();
  #length = 0;
  /** Where the last record begins in its slab. */
  #lastAt = 0;

  static of(records: Iterable<PipelineRecord>): PackedRecords {
    const packed = new PackedRecords();
    for (const record of records) packed.add(record);
    return packed;
  }

  get length(): number {
    return this.#length;
  }

  add({ offset, timestamp, key, value, headers }: PipelineRecord): void {
    if (headers) this.#headers.set(this.#length, headers);
    const slab = this.#slabFor(KEY + (key?.length ?? 0) + (value?.length ?? 0));
    const { view, used } = slab;
    view.setBigInt64(used, offset);
    view.setFloat64(used + TIMESTAMP, timestamp);
    view.setInt32(used + KEY_LENGTH, key?.length ?? NULL);
    view.setInt32(used + VALUE_LENGTH, value?.length ?? NULL);
    this.#lastAt = used;
    slab.used += KEY;
    if (key) put(slab, key);
    if (value) put(slab, value);
    this.#length += 1;
  }

  /** Goes through all records before it, unless it is the last one. */
  at(index: number): PipelineRecord | undefined {
    const wanted = index < 0 ? this.#length + index : index;
    const last = this.#slabs.at(-1);
    if (last && wanted === this.#length - 1) return this.#read(last, this.#lastAt, wanted);
    let found = 0;
    for (const record of this) {
      if (found === wanted) return record;
      found += 1;
    }
    return undefined;
  }

  *[Symbol.iterator](): Iterator<PipelineRecord> {
    let index = 0;
    for (const slab of this.#slabs) {
      for (let at = 0; at < slab.used; index += 1) {
        const record = this.#read(slab, at, index);
        yield record;
        at += KEY + (record.key?.length ?? 0) + (record.value?.length ?? 0);
      }
    }
  }

  #read({ bytes, view }: Slab, at: number, index: number): PipelineRecord {
    const keyLength = view.getInt32(at + KEY_LENGTH);
    const valueLength = view.getInt32(at + VALUE_LENGTH);
    const keyEnd = at + KEY + Math.max(0, keyLength);
    return {
      offset: view.getBigInt64(at),
      timestamp: view.getFloat64(at + TIMESTAMP),
      key: keyLength === NULL ? null : bytes.subarray(at + KEY, keyEnd),
      value: valueLength === NULL ? null : bytes.subarray(keyEnd, keyEnd + valueLength),
      headers: this.#headers.get(index),
    };
  }

  /** The slab that has room for so many bytes behind what is used of it. */
  #slabFor(bytes: number): Slab {
    const last = this.#slabs.at(-1);
    if (last && last.used + bytes <= last.bytes.length) return last;
    const usual = Math.min(SLAB_BYTES_MAX, 2 * (last?.bytes.length ?? SLAB_BYTES_MIN / 2));
    const taken = Buffer.allocUnsafeSlow(Math.max(bytes, usual));
    const slab = { bytes: taken, view: new DataView(taken.buffer), used: 0 };
    this.#slabs.push(slab);
    return slab;
  }
}

function put(slab: Slab, part: Buffer): void {
  slab.bytes.set(part, slab.used);
  slab.used += part.length;
}
