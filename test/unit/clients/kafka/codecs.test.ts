// The codecs of record batches: what other clients packed is unpacked, within bounds; damage and bombs are told.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import kafkajs, { CompressionTypes } from 'kafkajs';
import snappy from 'kafkajs-snappy';
import { BATCH_BYTES_MAX, registerCodecs } from '../../../../clients/kafka/codecs.ts';
import { kafkaError } from '../../../../clients/kafka/errors.ts';
import { isCode } from '../../../../pipeline/errors.ts';

interface Registered {
  compress(encoder: { buffer: Buffer }): Promise<Buffer>;
  decompress(packed: Buffer): Promise<Buffer>;
}

registerCodecs();
const codec = (number: number): Registered => {
  const table: Record<number, () => unknown> = kafkajs.CompressionCodecs;
  return table[number]?.() as Registered;
};
const zstd = (buffer: Buffer) => codec(CompressionTypes.ZSTD).compress({ buffer });
const decompress = (type: number, packed: Buffer) => codec(type).decompress(packed);

const isUnreadable = (words: RegExp) => (error: unknown) => {
  const made = kafkaError(error, 'read topic posts');
  assert.ok(isCode(made, 'KAFKA_BATCH_UNREADABLE'), String(error));
  assert.match(made.message, /read topic posts/);
  assert.match(made.message, words);
  return true;
};

const TEXT = Buffer.from('post #kafka übermäßig 🦊 '.repeat(5000));
const ZEROS = Buffer.alloc(BATCH_BYTES_MAX + 1);

/** As Java sends snappy: a header, then blocks with their sizes. */
async function xerial(...parts: Buffer[]): Promise<Buffer> {
  const blocks = await Promise.all(parts.map((buffer) => snappy().compress({ buffer })));
  const header = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
  return Buffer.concat([header, ...blocks.flatMap((block) => [size(block.length), block])]);
}

function size(bytes: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(bytes);
  return buffer;
}

/** An LZ4 frame of blocks that are stored as they are. */
function lz4Frame(...blocks: Buffer[]): Buffer {
  const stored = blocks.flatMap((block) => {
    const head = Buffer.alloc(4);
    head.writeUInt32LE((block.length | 0x80000000) >>> 0);
    return [head, block];
  });
  const header = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82]);
  return Buffer.concat([header, ...stored, Buffer.alloc(4)]);
}

/** An LZ4 block: one byte, then `bytes` repetitions of it. */
function lz4Bomb(bytes: number): Buffer {
  const lengths = Buffer.alloc(Math.floor((bytes - 19) / 255), 255);
  const block = Buffer.concat([Buffer.from([0x1f, 0x61, 1, 0]), lengths, Buffer.from([0])]);
  const head = Buffer.alloc(4);
  head.writeUInt32LE(block.length);
  const header = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73]);
  return Buffer.concat([header, head, block, Buffer.alloc(4)]);
}

suite('Codecs of record batches', () => {
  for (const type of [CompressionTypes.GZIP, CompressionTypes.Snappy, CompressionTypes.ZSTD]) {
    test(`what codec ${type} packs it unpacks`, async () => {
      const packed = await codec(type).compress({ buffer: TEXT });
      assert.ok(packed.length < TEXT.length / 4);
      assert.deepEqual(await decompress(type, packed), TEXT);
    });
  }

  test("Java's blocks of snappy and stored blocks of LZ4 are joined", async () => {
    const parts = [TEXT, Buffer.from('x'), TEXT];
    const whole = Buffer.concat(parts);
    assert.deepEqual(await decompress(CompressionTypes.Snappy, await xerial(...parts)), whole);
    const stored = [TEXT.subarray(0, 60_000), Buffer.from('x')];
    const frame = lz4Frame(...stored);
    assert.deepEqual(await decompress(CompressionTypes.LZ4, frame), Buffer.concat(stored));
  });

  test('a zstd frame that does not tell its length is unpacked to any length', async () => {
    const long = Buffer.alloc(20 * 1024 * 1024, TEXT);
    const packed = withoutLength(await zstd(long));
    assert.ok(packed.length * 8 < long.length, 'the first room is too small');
    assert.ok(long.equals(await decompress(CompressionTypes.ZSTD, packed)));
  });

  test('what unpacks to more than the limit is refused, whatever it says of its length', async () => {
    const zeros = await zstd(ZEROS);
    const part = await snappy().compress({ buffer: Buffer.alloc(65_536) });
    const bombs: [number, Buffer][] = [
      [CompressionTypes.GZIP, gzipSync(ZEROS)],
      [CompressionTypes.Snappy, Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0xff, 0x07]), part])],
      [CompressionTypes.LZ4, lz4Bomb(ZEROS.length + 1024)],
      [CompressionTypes.ZSTD, zeros],
      [CompressionTypes.ZSTD, withoutLength(zeros)],
    ];
    for (const [type, bomb] of bombs) {
      assert.ok(bomb.length < 1_000_000);
      await assert.rejects(decompress(type, bomb), isUnreadable(/more than 134217728 bytes/));
    }
  });

  test('what is damaged is told with the name of its codec, and is not fetched again', async () => {
    const damaged: [number, Buffer, RegExp][] = [
      [CompressionTypes.GZIP, Buffer.from('no gzip'), /gzip/],
      [CompressionTypes.Snappy, (await xerial(TEXT)).subarray(0, -3), /snappy/],
      [CompressionTypes.Snappy, Buffer.from([0xff]), /snappy/],
      [CompressionTypes.LZ4, Buffer.from('no lz4 frame'), /lz4/],
      [CompressionTypes.ZSTD, Buffer.from('no zstd frame'), /zstd/],
      [CompressionTypes.ZSTD, Buffer.alloc(2), /zstd/],
    ];
    for (const [type, bytes, words] of damaged) {
      await assert.rejects(decompress(type, bytes), (error: { retriable?: boolean }) => {
        assert.equal(error.retriable, false);
        return isUnreadable(words)(error);
      });
    }
  });

  test('a codec that nobody knows is no plain text', () => {
    for (const number of [5, 6, 7]) {
      assert.throws(
        () => codec(number),
        (error) => isCode(kafkaError(error, 'read topic posts'), 'KAFKA_CODEC_MISSING'),
      );
    }
  });
});

/** The same zstd frame with a header that leaves the content size out, as a stream writes it. */
function withoutLength(frame: Buffer): Buffer {
  const descriptor = frame[4] ?? 0;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  const at = 5 + (isSingleSegment ? 0 : 1);
  // A window of 128 MB and a bit: 2^27.
  const header = Buffer.from([0, (27 - 10) << 3]);
  return Buffer.concat([frame.subarray(0, 4), header, frame.subarray(at + sizeBytes)]);
}
