// The law of sources: every source runs it. What is read once is never lost by a restart, whatever the moment.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isCode, Stopping } from '../../pipeline/errors.ts';
import { ID_HEADER, type Source, type SourceRecord } from '../../pipeline/source.ts';

/** One service (or file) with its own content, and sources that read it. */
export interface SourceWorld<Cursor> {
  /** What a fresh source must yield, in order: ids, or values as text where records have no id. At least 10, all different. */
  readonly expected: readonly string[];
  /** A source as another process would make it, not read yet. Every one sees the same content. */
  make(): Source<Cursor>;
  dispose(): Promise<void>;
}

export interface SourceWorlds<Cursor> {
  /** A service that gives everything. A source that never ends by itself goes quiet then. */
  whole(): Promise<SourceWorld<Cursor>>;
  /** As `whole`, with the troubles that pass: cut connections, 503, 429, silence. Left out by sources of files. */
  troubled?(): Promise<SourceWorld<Cursor>>;
  /** `expected` is not asked for: each way to wait without yielding (a service that is silent, away, or never answers). */
  readonly silent: readonly (() => Promise<SourceWorld<Cursor>>)[];
  /** A service that refuses for good with this status. Left out by sources of files. */
  refusing?(status: 401 | 403): Promise<SourceWorld<Cursor>>;
}

/** Longest time until a source must have yielded what it has; generous, for a machine under load. */
const DEADLINE_MS = 30_000;
const STOP_MS = 1000;
/** Kafka's acknowledgement waits for this being written: a cursor is a place, not a list of what was read. */
const CURSOR_BYTES_MAX = 4096;

/** `nameOf`: what tells records apart, where it is not what `expected` says. */
export function sourceContract<Cursor>(
  name: string,
  worlds: SourceWorlds<Cursor>,
  nameOf: NameOf = byIdOrValue,
): void {
  const readAll = readerOf<Cursor>(nameOf);
  describe(`source: ${name}`, () => {
    test('yields everything in its own order; the id is a header or the key as text', () =>
      inWorld(worlds.whole, async ({ make, expected }) => {
        const seen = await readAll(make(), undefined, expected);
        assert.deepEqual(distinct(seen.map(nameOf)), expected);
        for (const { id, record } of seen) {
          if (!record || id === undefined) continue;
          assert.equal(String(record.headers?.[ID_HEADER] ?? record.key), id);
        }
      }));

    test('from every cursor on, as it comes back from a file, nothing behind it is missing', () =>
      inWorld(worlds.whole, async ({ make, expected }) => {
        const seen = await readAll(make(), undefined, expected);
        for (const [index, { cursor }] of seen.entries()) {
          const done = new Set(seen.slice(0, index + 1).map(nameOf));
          const left = expected.filter((one) => !done.has(one));
          const source = make();
          const rest = await readAll(source, saved(source, cursor), left);
          const ours = distinct(rest.map(nameOf)).filter((one) => !done.has(one));
          assert.deepEqual(ours, left, `from cursor ${index} on`);
        }
      }));

    test('a cursor is small plain JSON', () =>
      inWorld(worlds.whole, async ({ make, expected }) => {
        for (const { cursor } of await readAll(make(), undefined, expected)) {
          const text = JSON.stringify(cursor);
          assert.deepEqual(JSON.parse(text), cursor);
          assert.ok(text.length <= CURSOR_BYTES_MAX, `${text.length} bytes`);
        }
      }));

    test('what is no cursor of it is refused by name', () =>
      inWorld(worlds.whole, async ({ make }) => {
        for (const other of [null, 17, 'text', [], {}, { version: 1 }, { cursor: null }]) {
          assert.throws(
            () => make().parseCursor(other),
            (error) => isCode(error, 'POSITION_CORRUPT') && error.hint !== undefined,
            JSON.stringify(other),
          );
        }
      }));

    test('ends within a second when it is told to stop in the middle', () =>
      inWorld(worlds.whole, async ({ make }) => {
        const stop = new AbortController();
        let toldAt = 0;
        for await (const { record } of make().read(undefined, stop.signal)) {
          if (!record || toldAt > 0) continue;
          toldAt = performance.now();
          stop.abort(new Stopping('test'));
        }
        assertSoon(toldAt);
      }));

    test('can be left in the middle', () =>
      inWorld(worlds.whole, async ({ make }) => {
        const stop = new AbortController();
        for await (const { record } of make().read(undefined, stop.signal)) if (record) break;
        stop.abort(new Stopping('test'));
      }));

    for (const [index, silent] of worlds.silent.entries()) {
      test(`ends within a second when it waits and yields nothing (${index + 1})`, () =>
        inWorld(silent, async ({ make }) => {
          const stop = new AbortController();
          let toldAt = 0;
          const timer = setTimeout(() => {
            toldAt = performance.now();
            stop.abort(new Stopping('test'));
          }, 300);
          for await (const { record } of make().read(undefined, stop.signal)) {
            assert.equal(record, undefined, 'this service has nothing');
          }
          clearTimeout(timer);
          assert.ok(toldAt > 0, 'it ended by itself');
          assertSoon(toldAt);
        }));
    }

    const { troubled, refusing } = worlds;
    if (troubled) {
      test('troubles that pass lose nothing', () =>
        inWorld(troubled, async ({ make, expected }) => {
          const seen = await readAll(make(), undefined, expected);
          const missing = expected.filter((one) => !seen.some((record) => nameOf(record) === one));
          assert.deepEqual(missing, []);
        }));
    }

    if (refusing) {
      for (const status of [401, 403] as const) {
        test(`a service that refuses with ${status} ends it at once, saying what to do`, () =>
          inWorld(
            () => refusing(status),
            async ({ make }) => {
              await assert.rejects(
                readAll(make(), undefined, ['what never comes']),
                (error) => isCode(error, 'SOURCE_REJECTED') && error.hint !== undefined,
              );
            },
          ));
      }
    }
  });
}

async function inWorld<Cursor>(
  create: () => Promise<SourceWorld<Cursor>>,
  run: (world: SourceWorld<Cursor>) => Promise<void>,
): Promise<void> {
  const world = await create();
  try {
    await run(world);
  } finally {
    await world.dispose();
  }
}

type NameOf = (record: SourceRecord<unknown>) => string;

/** Reads until the source ends or every name of `wanted` has come, and ends it then. */
const readerOf =
  <Cursor>(nameOf: NameOf) =>
  async (
    source: Source<Cursor>,
    after: Cursor | undefined,
    wanted: readonly string[],
  ): Promise<SourceRecord<Cursor>[]> => {
    const missing = new Set(wanted);
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(new Stopping('too late')), DEADLINE_MS);
    const seen: SourceRecord<Cursor>[] = [];
    try {
      if (missing.size === 0) return seen;
      for await (const record of source.read(after, stop.signal)) {
        seen.push(record);
        missing.delete(nameOf(record));
        if (missing.size === 0) break;
      }
      return seen;
    } finally {
      clearTimeout(timer);
      stop.abort(new Stopping('read'));
    }
  };

const NOTHING = '';

function byIdOrValue({ id, record }: SourceRecord<unknown>): string {
  return record === undefined ? NOTHING : (id ?? String(record.value));
}

/** For sources whose ids differ from one reading to the next. */
export function byValue({ record }: SourceRecord<unknown>): string {
  return record === undefined ? NOTHING : String(record.value);
}

function distinct(names: readonly string[]): string[] {
  return [...new Set(names)].filter((name) => name !== NOTHING);
}

function saved<Cursor>(source: Source<Cursor>, cursor: Cursor): Cursor {
  return source.parseCursor(JSON.parse(JSON.stringify(cursor)));
}

function assertSoon(toldAt: number): void {
  const tookMs = performance.now() - toldAt;
  assert.ok(tookMs < STOP_MS, `it took ${Math.round(tookMs)} ms to end`);
}
