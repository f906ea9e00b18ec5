// The ids of the last records of a topic partition, each as 96 bits of its SHA-256: 16 bytes a slot, nothing per id for
// the garbage collector. What leaves the window goes in pieces of a quarter of it.
import { createHash } from 'node:crypto';
import { invariant } from '../pipeline/errors.ts';

const PIECES = 4n;
const SLOTS_MIN = 1024;
/** Three words of the hash and the offset within the piece plus 1; 0 is an empty slot. */
const WORDS = 4;

/**
 * Tells the latest offset of an id among the last `length` offsets. Two ids are taken for one with a chance of
 * `length` / 2^96 a record: never, also at ten million. 64 bits would do in an ordinary year, but a wrong answer costs a row. It takes up
 * to 64 bytes for each offset in the window that holds an id: 6 MB for 100,000.
 */
export class IdWindow {
  readonly #length: bigint;
  readonly #pieceLength: bigint;
  /** Newest first. */
  #pieces: Piece[] = [];

  /** `length` in offsets, from 1. */
  constructor(length: number) {
    this.#length = BigInt(length);
    this.#pieceLength = (this.#length + PIECES - 1n) / PIECES;
  }

  /** Remembers that `id` stands at `offset`; offsets must grow. True if it stands within `length` offsets before it too. */
  add(id: Buffer | string, offset: bigint): boolean {
    const digest = createHash('sha256').update(id).digest();
    const hash = [digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8)] as const;
    let latest: bigint | undefined;
    for (const piece of this.#pieces) {
      latest = piece.find(hash);
      if (latest !== undefined) break;
    }
    invariant(latest === undefined || latest < offset, `offset ${offset} was remembered before`);
    this.#pieceFor(offset).set(hash, offset);
    return latest !== undefined && latest >= offset - this.#length;
  }

  #pieceFor(offset: bigint): Piece {
    const newest = this.#pieces[0];
    if (newest && offset < newest.start + this.#pieceLength) return newest;
    const kept = this.#pieces.filter(
      ({ start }) => start + this.#pieceLength > offset - this.#length,
    );
    const piece = new Piece(offset);
    this.#pieces = [piece, ...kept];
    return piece;
  }
}

type Hash = readonly [number, number, number];

/** A hash table with open addressing over the offsets of one piece. Nothing is ever taken out of it. */
class Piece {
  readonly start: bigint;
  #slots = new Uint32Array(SLOTS_MIN * WORDS);
  #used = 0;

  constructor(start: bigint) {
    this.start = start;
  }

  find(hash: Hash): bigint | undefined {
    const word = this.#slots[this.#slotOf(hash) + 3] ?? 0;
    return word === 0 ? undefined : this.start + BigInt(word - 1);
  }

  set(hash: Hash, offset: bigint): void {
    const at = this.#slotOf(hash);
    if (this.#slots[at + 3] === 0) this.#used += 1;
    this.#slots.set([...hash, Number(offset - this.start) + 1], at);
    if (this.#used * WORDS * 2 > this.#slots.length) this.#grow();
  }

  /** Where `hash` stands, or the empty slot where it belongs. */
  #slotOf(hash: Hash): number {
    const slots = this.#slots;
    const mask = slots.length / WORDS - 1;
    for (let slot = hash[0] & mask; ; slot = (slot + 1) & mask) {
      const at = slot * WORDS;
      if (slots[at + 3] === 0) return at;
      if (slots[at] === hash[0] && slots[at + 1] === hash[1] && slots[at + 2] === hash[2]) {
        return at;
      }
    }
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(old.length * 2);
    for (let at = 0; at < old.length; at += WORDS) {
      const [a = 0, b = 0, c = 0, word = 0] = old.subarray(at, at + WORDS);
      if (word !== 0) this.#slots.set([a, b, c, word], this.#slotOf([a, b, c]));
    }
  }
}
