// A file of posts that grows at a rate, is cut anywhere (also within a character) and is rotated now and then.
import { appendFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeText, random } from '../doubles/posts.ts';
import { stateDirectory } from '../support/settings.ts';

const ROTATIONS = 4;
const TICK_MS = 20;

export class GrowingFile {
  readonly path = join(stateDirectory(), 'posts.ndjson');
  readonly ids: string[];
  readonly faults = new Map<string, number>([
    ['cut', 0],
    ['rotated', 0],
  ]);
  #timer: NodeJS.Timeout | undefined;
  #began = 0;
  readonly #posts: number;
  readonly #rate: number;
  readonly #next: () => number;
  #written = 0;
  /** The rest of a line that was cut. */
  #rest: Buffer<ArrayBufferLike> = Buffer.alloc(0);

  constructor({ posts, rate, seed }: { posts: number; rate: number; seed: number }) {
    this.#posts = posts;
    this.#rate = rate;
    this.#next = random(seed);
    this.ids = Array.from({ length: posts }, (_, index) => idOf(index));
    writeFileSync(this.path, '');
    this.#append(1);
  }

  /** Until then there is one line: what is rotated away before anybody has read the file is nobody's. */
  begin(): void {
    this.#began = performance.now();
    this.#timer = setInterval(() => this.#grow(), TICK_MS);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
  }

  #grow(): void {
    const due = ((performance.now() - this.#began) * this.#rate) / 1000;
    this.#append(Math.min(this.#posts, Math.floor(due), this.#nextRotation));
  }

  /** Posts up to number `to`; the end of the last line may stay behind. */
  #append(to: number): void {
    const lines: string[] = [];
    for (; this.#written < to; this.#written += 1) lines.push(lineOf(this.#written));
    const bytes = Buffer.concat([this.#rest, Buffer.from(lines.join(''))]);
    const rotates = this.#written === this.#nextRotation;
    const isLast = this.#written === this.#posts;
    const isWhole = rotates || isLast || to === 1;
    const cut = isWhole ? 0 : Math.floor(this.#next() * Math.min(60, bytes.length));
    this.#rest = bytes.subarray(bytes.length - cut);
    if (cut > 0) this.#count('cut');
    appendFileSync(this.path, bytes.subarray(0, bytes.length - cut));
    if (isLast) clearInterval(this.#timer);
    else if (rotates) this.#rotate();
  }

  /** After so many posts the file is renamed and begun anew. */
  get #nextRotation(): number {
    const done = this.faults.get('rotated') ?? 0;
    if (done === ROTATIONS) return Number.POSITIVE_INFINITY;
    return Math.floor((this.#posts * (done + 1)) / (ROTATIONS + 1));
  }

  #rotate(): void {
    this.#count('rotated');
    renameSync(this.path, `${this.path}.${this.faults.get('rotated')}`);
    writeFileSync(this.path, '');
  }

  #count(fault: string): void {
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1);
  }
}

const idOf = (index: number) => String(1_990_000_000_000_000_000n + BigInt(index));

function lineOf(index: number): string {
  const { text, hashtags, language } = makeText(index);
  return `${JSON.stringify({ id: idOf(index), author: 'ann', text, hashtags, lang: language })}\n`;
}
