// Records that are held, as bytes: a hundred thousand objects that live for a second or two would cost the garbage collector
// more than everything else that is done with them. Each is made anew when it is asked for.
import type { PipelineRecord, RecordHeaders } from './record.ts';

/** Records in order of offset. An array is one. */
export interface Records extends Iterable<PipelineRecord> {
  readonly length: number;
  /** As of an array: a negative `index` counts from the end. */
  at(index: number): PipelineRecord | undefined;
}

/** One record after the other: offset, timestamp, lengths of key, value and headers, and then these. */
interface Slab {
  readonly bytes: Buffer;
  readonly view: DataView;
  used: number;
}

/** The first slab has room for two records as large as its first; each next one is twice as long, up to this, or for one record. */
const SLAB_BYTES_MAX = 256 * 1024;
/** Where a record has what. */
const [TIMESTAMP, KEY_LENGTH, VALUE_LENGTH, HEADERS_LENGTH, KEY] = [8, 16, 20, 24, 28] as const;
/** Length of what is null, or not there. */
const NULL = -1;

/** Copies all of a record, so that nothing keeps the answer of a fetch in memory. */
export class PackedRecords implements Records {
  readonly #slabs: Slab[] = [];
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
    const heading = headers ? headersToBuffer(headers) : null;
    const bytes = (key?.length ?? 0) + (value?.length ?? 0) + (heading?.length ?? 0);
    const slab = this.#slabFor(KEY + bytes);
    const { view, used } = slab;
    view.setBigInt64(used, offset);
    view.setFloat64(used + TIMESTAMP, timestamp);
    view.setInt32(used + KEY_LENGTH, key?.length ?? NULL);
    view.setInt32(used + VALUE_LENGTH, value?.length ?? NULL);
    view.setInt32(used + HEADERS_LENGTH, heading?.length ?? NULL);
    this.#lastAt = used;
    slab.used += KEY;
    if (key) put(slab, key);
    if (value) put(slab, value);
    if (heading) put(slab, heading);
    this.#length += 1;
  }

  /** Goes through all records before it, unless it is the last one. */
  at(index: number): PipelineRecord | undefined {
    const wanted = index < 0 ? this.#length + index : index;
    const last = this.#slabs.at(-1);
    if (last && wanted === this.#length - 1) return recordAt(last, this.#lastAt);
    let found = 0;
    for (const record of this) {
      if (found === wanted) return record;
      found += 1;
    }
    return undefined;
  }

  *[Symbol.iterator](): Iterator<PipelineRecord> {
    for (const slab of this.#slabs) {
      for (let at = 0; at < slab.used; at = endOf(slab, at)) yield recordAt(slab, at);
    }
  }

  /** The slab that has room for so many bytes behind what is used of it. */
  #slabFor(bytes: number): Slab {
    const last = this.#slabs.at(-1);
    if (last && last.used + bytes <= last.bytes.length) return last;
    const usual = Math.min(SLAB_BYTES_MAX, 2 * Math.max(last?.bytes.length ?? 0, bytes));
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

function recordAt({ bytes, view }: Slab, at: number): PipelineRecord {
  const keyLength = view.getInt32(at + KEY_LENGTH);
  const valueLength = view.getInt32(at + VALUE_LENGTH);
  const headersLength = view.getInt32(at + HEADERS_LENGTH);
  const keyEnd = at + KEY + Math.max(0, keyLength);
  const valueEnd = keyEnd + Math.max(0, valueLength);
  return {
    offset: view.getBigInt64(at),
    timestamp: view.getFloat64(at + TIMESTAMP),
    key: keyLength === NULL ? null : bytes.subarray(at + KEY, keyEnd),
    value: valueLength === NULL ? null : bytes.subarray(keyEnd, valueEnd),
    headers:
      headersLength === NULL
        ? undefined
        : headersFrom(bytes.subarray(valueEnd, valueEnd + headersLength)),
  };
}

/** Where the record behind the one at `at` begins. */
function endOf({ view }: Slab, at: number): number {
  const length = (field: number) => Math.max(0, view.getInt32(at + field));
  return at + KEY + length(KEY_LENGTH) + length(VALUE_LENGTH) + length(HEADERS_LENGTH);
}

/** Each name with its length before it, the number of its values, and each of these with its length. */
function headersToBuffer(headers: RecordHeaders): Buffer {
  const parts: Buffer[] = [];
  const number = (value: number) => {
    const bytes = Buffer.allocUnsafe(4);
    bytes.writeInt32BE(value);
    return bytes;
  };
  for (const [name, values] of Object.entries(headers)) {
    const written = Buffer.from(name);
    parts.push(number(written.length), written, number(values.length));
    for (const value of values) parts.push(number(value.length), value);
  }
  return Buffer.concat(parts);
}

function headersFrom(bytes: Buffer): RecordHeaders {
  let at = 0;
  const number = () => {
    at += 4;
    return bytes.readInt32BE(at - 4);
  };
  const part = () => {
    const length = number();
    at += length;
    return bytes.subarray(at - length, at);
  };
  const found: [string, Buffer[]][] = [];
  while (at < bytes.length) {
    const name = part().toString();
    found.push([name, Array.from({ length: number() }, part)]);
  }
  return Object.fromEntries(found);
}
