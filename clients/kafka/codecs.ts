// The codecs of compressed record batches. kafkajs brings gzip only, without a limit, and takes a codec it does not know
// for plain bytes. All are bounded here: what a batch unpacks to is not known before.
import { promisify } from 'node:util';
import { gzip, unzip } from 'node:zlib';
import { init, compress as zstdCompress, decompress as zstdDecompress } from '@bokuweb/zstd-wasm';
import kafkajs, { CompressionTypes } from 'kafkajs';
import snappyCodec from 'kafkajs-snappy';
import lz4 from 'lz4js';
import type { Params } from '../../params/schema.ts';
import { PipelineError } from '../../pipeline/errors.ts';

/** Most bytes one record batch may unpack to; a batch is at most `max.message.bytes` before (1 MB by default). */
export const BATCH_BYTES_MAX = 128 * 1024 * 1024;

/** Codecs a producer may choose. Not lz4: what lz4js packs is refused by brokers, so it is read only. */
export const COMPRESSIONS = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  zstd: CompressionTypes.ZSTD,
} as const satisfies Record<Compression, CompressionTypes>;
export type Compression = Params['producer']['compression'];

/** A batch that cannot be unpacked. errors.ts makes a PipelineError of it, which names the topic. */
class UnreadableBatch extends Error {
  override readonly name: string = 'UnreadableBatch';
  /** Tells kafkajs to end instead of fetching the same bytes again and again. */
  readonly retriable = false;
}

class UnknownCodec extends UnreadableBatch {
  override readonly name = 'UnknownCodec';
}

interface Codec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  /** Throws UnreadableBatch for what unpacks to more than `bytesMax`, and anything for what is damaged. */
  decompress(packed: Buffer, bytesMax: number): Promise<Buffer>;
}

const pack = promisify(gzip);
const unpack = promisify<Buffer, { maxOutputLength: number }, Buffer>(unzip);

const gzipCodec: Codec = {
  compress: ({ buffer }) => pack(buffer),
  async decompress(packed, bytesMax) {
    try {
      return await unpack(packed, { maxOutputLength: bytesMax });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw code === 'ERR_BUFFER_TOO_LARGE' ? tooLarge(bytesMax) : error;
    }
  },
};

/** Java frames snappy blocks: magic, version, compatible version, then size and block in turn. */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const XERIAL_HEADER_BYTES = 16;
const snappy = snappyCodec();

const boundedSnappy: Codec = {
  compress: (encoder) => snappy.compress(encoder),
  // Block by block, because kafkajs-snappy joins the blocks of a frame in quadratic time and trusts their lengths.
  async decompress(packed, bytesMax) {
    const blocks = snappyBlocks(packed);
    const bytes = blocks.reduce((sum, block) => sum + snappyLength(block), 0);
    if (bytes > bytesMax) throw tooLarge(bytesMax);
    return Buffer.concat(await Promise.all(blocks.map((block) => snappy.decompress(block))));
  },
};

function snappyBlocks(packed: Buffer): Buffer[] {
  if (!packed.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return [packed];
  const blocks: Buffer[] = [];
  for (let at = XERIAL_HEADER_BYTES; at < packed.length; ) {
    const end = at + 4 + packed.readUInt32BE(at);
    if (end > packed.length) throw new UnreadableBatch('a snappy block is cut off');
    blocks.push(packed.subarray(at + 4, end));
    at = end;
  }
  return blocks;
}

/** The length a snappy block says it unpacks to: a varint in front. */
function snappyLength(block: Buffer): number {
  let length = 0;
  for (const [index, byte] of block.subarray(0, 5).entries()) {
    length += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return length;
  }
  throw new UnreadableBatch('a snappy block has no length');
}

const lz4Codec: Codec = {
  async compress() {
    throw new PipelineError('BUG', 'lz4 is for reading only');
  },
  async decompress(packed, bytesMax) {
    const room = Math.min(lz4.decompressBound(packed), bytesMax);
    const target = new Uint8Array(room);
    const bytes = lz4.decompressFrame(packed, target);
    if (bytes > room) throw tooLarge(bytesMax);
    // Copied: every record kept keeps its whole buffer, and the bound is often far above what is needed.
    return Buffer.from(target.subarray(0, bytes));
  },
};

/** Frames that do not tell their length are tried with this room first, then with twice as much. */
const ZSTD_ROOM_BYTES = 1024 * 1024;
/** zstd's own number for a target that is too small. */
const ZSTD_TARGET_TOO_SMALL = /code -70$/;
let zstdLoaded: Promise<void> | undefined;

/** Loads the library at its first use, and once: a second time would take its memory away from under the first. */
function zstdReady(): Promise<void> {
  zstdLoaded ??= init();
  return zstdLoaded;
}

const zstdCodec: Codec = {
  async compress({ buffer }) {
    await zstdReady();
    return asBuffer(zstdCompress(buffer));
  },
  async decompress(packed, bytesMax) {
    await zstdReady();
    // The library takes memory for the length a frame tells, so that is looked at before.
    if ((zstdLength(packed) ?? 0n) > BigInt(bytesMax)) throw tooLarge(bytesMax);
    for (let room = Math.min(Math.max(ZSTD_ROOM_BYTES, packed.length * 8), bytesMax); ; ) {
      try {
        return asBuffer(zstdDecompress(packed, { defaultHeapSize: room }));
      } catch (error) {
        const isTooSmall = error instanceof Error && ZSTD_TARGET_TOO_SMALL.test(error.message);
        if (!isTooSmall || zstdLength(packed) !== undefined) throw error;
        if (room >= bytesMax) throw tooLarge(bytesMax);
        room = Math.min(room * 2, bytesMax);
      }
    }
  },
};

/** The content size in the header of a zstd frame, undefined when it does not tell. RFC 8878, 3.1.1.1. */
function zstdLength(frame: Buffer): bigint | undefined {
  const descriptor = frame.readUInt8(4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  if (sizeFlag === 0 && !isSingleSegment) return undefined;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 0x03] ?? 0;
  const at = 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes;
  if (sizeFlag === 3) return frame.readBigUInt64LE(at);
  if (sizeFlag === 2) return BigInt(frame.readUInt32LE(at));
  return BigInt(sizeFlag === 1 ? frame.readUInt16LE(at) + 256 : frame.readUInt8(at));
}

const CODECS: Readonly<Record<string, { readonly number: number; readonly codec: Codec }>> = {
  gzip: { number: CompressionTypes.GZIP, codec: gzipCodec },
  snappy: { number: CompressionTypes.Snappy, codec: boundedSnappy },
  lz4: { number: CompressionTypes.LZ4, codec: lz4Codec },
  zstd: { number: CompressionTypes.ZSTD, codec: zstdCodec },
};
/** Three bits of a batch's attributes name its codec. */
const CODEC_NUMBERS = 8;

/**
 * Gives kafkajs every codec; for all its connections, as it keeps one table for the process. A batch of a codec that
 * nobody knows ends with KAFKA_CODEC_MISSING instead of being taken for plain bytes, one that is damaged or unpacks to more
 * than BATCH_BYTES_MAX with KAFKA_BATCH_UNREADABLE. May be called again.
 */
export function registerCodecs(): void {
  const table: Record<number, () => unknown> = kafkajs.CompressionCodecs;
  for (const [name, { number, codec }] of Object.entries(CODECS)) {
    const registered = { compress: codec.compress, decompress: bounded(name, codec) };
    table[number] = () => registered;
  }
  for (let number = 1; number < CODEC_NUMBERS; number += 1) {
    table[number] ??= () => {
      throw new UnknownCodec(`compression codec ${number} is not known`);
    };
  }
}

function bounded(name: string, codec: Codec): (packed: Buffer) => Promise<Buffer> {
  return async (packed) => {
    try {
      return await codec.decompress(packed, BATCH_BYTES_MAX);
    } catch (error) {
      if (error instanceof UnreadableBatch) throw error;
      throw new UnreadableBatch(`a record batch is no valid ${name}`, { cause: error });
    }
  };
}

function tooLarge(bytesMax: number): UnreadableBatch {
  return new UnreadableBatch(`a record batch unpacks to more than ${bytesMax} bytes`);
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
