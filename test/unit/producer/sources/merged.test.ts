// Several sources as one: order within each, one cursor for all, who ends whom.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isCode, PipelineError, Stopping } from '../../../../pipeline/errors.ts';
import type { Source, SourceRecord } from '../../../../pipeline/source.ts';
import { type MergedCursor, MergedSource } from '../../../../producer/sources/merged.ts';
import { eventually } from '../../../support/eventually.ts';

/** Yields `<name><n>` for n below `count`; then ends, fails or waits. The cursor is how many are done. */
class Counted implements Source<number> {
  readonly name: string;
  readonly leftOut = 2;
  readonly gaps = [{ from: undefined, to: 1, why: 'test' }];
  readonly #count: number;
  readonly #then: 'end' | 'wait' | Error;
  pulled = 0;

  constructor(name: string, count: number, then: 'end' | 'wait' | Error = 'end') {
    this.name = name;
    this.#count = count;
    this.#then = then;
  }

  parseCursor(saved: unknown): number {
    if (typeof saved === 'number') return saved;
    throw new PipelineError('POSITION_CORRUPT', `no cursor of ${this.name}`, { hint: 'test' });
  }

  async *read(
    after: number | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<SourceRecord<number>> {
    for (let at = after ?? 0; at < this.#count && !signal.aborted; at += 1) {
      this.pulled += 1;
      yield { record: { key: null, value: Buffer.from(`${this.name}${at}`) }, cursor: at + 1 };
    }
    if (this.#then instanceof Error) throw this.#then;
    if (this.#then === 'wait' && !signal.aborted) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    }
  }
}

const never = new AbortController().signal;
const textOf = ({ record }: SourceRecord<unknown>) => String(record?.value);

async function all(source: Source<MergedCursor>, after?: MergedCursor) {
  const seen: SourceRecord<MergedCursor>[] = [];
  for await (const next of source.read(after, never)) seen.push(next);
  return seen;
}

suite('merged sources', () => {
  test('every record of each comes, in its own order; it ends when all have ended', async () => {
    const seen = (await all(new MergedSource([new Counted('a', 5), new Counted('b', 50)]))).map(
      textOf,
    );
    assert.equal(seen.length, 55);
    for (const name of ['a', 'b']) {
      const own = seen.filter((value) => value.startsWith(name));
      assert.deepEqual(
        own,
        own.map((_, at) => `${name}${at}`),
      );
    }
  });

  test('from every cursor on, each source goes on where it was', async () => {
    const make = () => new MergedSource([new Counted('a', 6), new Counted('b', 9)]);
    const seen = await all(make());
    for (const [index, { cursor }] of seen.entries()) {
      const saved = make().parseCursor(JSON.parse(JSON.stringify(cursor)));
      const rest = (await all(make(), saved)).map(textOf);
      assert.deepEqual(new Set(rest), new Set(seen.slice(index + 1).map(textOf)));
      assert.equal(rest.length, seen.length - index - 1);
    }
  });

  test('a cursor of a source that does not run is left out, one that is none is refused', () => {
    const merged = new MergedSource([new Counted('a', 1)]);
    assert.deepEqual(merged.parseCursor({ a: 3, other: {} }), { a: 3 });
    assert.throws(
      () => merged.parseCursor({ a: 'x' }),
      (error) => isCode(error, 'POSITION_CORRUPT'),
    );
  });

  test('when one fails, the others are stopped, what they gave comes first, and its name is told', async () => {
    const refused = new PipelineError('SOURCE_REJECTED', 'wrong token', { hint: 'set it' });
    const merged = new MergedSource([new Counted('a', 3, 'wait'), new Counted('b', 2, refused)]);
    const seen: string[] = [];
    const reading = (async () => {
      for await (const next of merged.read(undefined, never)) seen.push(textOf(next));
    })();
    await assert.rejects(
      reading,
      (error) =>
        isCode(error, 'SOURCE_REJECTED') &&
        error.message === 'source b: wrong token' &&
        error.hint === 'set it',
    );
    assert.deepEqual(
      seen.filter((value) => value.startsWith('b')),
      ['b0', 'b1'],
    );
  });

  test('nobody reads ahead while nothing is taken', async () => {
    const sources = [new Counted('a', 1000), new Counted('b', 1000)];
    const reading = new MergedSource(sources).read(undefined, never);
    await reading.next();
    await eventually(() => assert.ok(sources.every(({ pulled }) => pulled > 0)));
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    const pulled = sources.reduce((sum, source) => sum + source.pulled, 0);
    assert.ok(pulled <= 4, `${pulled} were pulled for one that was taken`);
    await reading.return();
  });

  test('it can be left and stopped while a source waits', async () => {
    const make = () => new MergedSource([new Counted('a', 1, 'wait'), new Counted('b', 1, 'wait')]);
    for await (const _ of make().read(undefined, never)) break;
    const stop = new AbortController();
    const reading = make().read(undefined, stop.signal);
    await reading.next();
    await reading.next();
    setImmediate(() => stop.abort(new Stopping('test')));
    assert.equal((await reading.next()).done, true);
  });

  test('it sums up what they left out and what is missing', () => {
    const merged = new MergedSource([new Counted('a', 1), new Counted('b', 1)]);
    assert.deepEqual([merged.name, merged.leftOut, merged.gaps.length], ['a, b', 4, 2]);
  });
});
