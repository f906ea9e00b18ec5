// Where a topic partition is read from, decided on a ledger in memory and the ends of a topic that the test sets.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Start } from '../../../consumer/look-back.ts';
import { StartPositions } from '../../../consumer/start-positions.ts';
import { paramsSchema } from '../../../params/schema.ts';
import { systemClock } from '../../../pipeline/clock.ts';
import { type ErrorCode, isCode } from '../../../pipeline/errors.ts';
import { silentLog } from '../../../pipeline/log.ts';
import type { PlacedBatch } from '../../../pipeline/position-store.ts';
import { formatTopicPartition } from '../../../pipeline/range.ts';
import { chainOf, entryOf, MemoryLedger } from '../../support/memory-ledger.ts';

const of = { topic: 'posts', partition: 3 };
const { signal } = new AbortController();

interface World {
  readonly ledger?: MemoryLedger;
  readonly from?: string;
  readonly onGap?: 'stop' | 'earliest' | 'latest';
  readonly force?: boolean;
  /** What was logged. */
  readonly said?: string[];
  /** Log start and high watermark, one pair for each time they are asked; the last one stays. */
  readonly bounds: readonly (readonly [number, number])[];
  /** End at process start; undefined: the partition was added later. */
  readonly end?: number;
  readonly offsetAt?: number;
  /** The live consumer, and whether it is the first of its group to begin the partition. */
  readonly live?: { readonly isFirst: boolean };
  /** What was committed for the group. */
  readonly committed?: PlacedBatch[];
}

async function startOf(world: World): Promise<bigint> {
  return (await wholeStart(world)).position;
}

function wholeStart(world: World): Promise<Start> {
  const bounds = [...world.bounds];
  const { consumer } = paramsSchema.parse({
    consumer: { from: world.from ?? 'stored', onGap: world.onGap ?? 'stop' },
  });
  const positions = new StartPositions({
    admin: {
      async offsets() {
        const [logStart, highWatermark] = (bounds.length > 1 ? bounds.shift() : bounds[0]) ?? [
          0, 0,
        ];
        const found = { logStart: BigInt(logStart), highWatermark: BigInt(highWatermark) };
        return new Map([[of.partition, found]]);
      },
      offsetsAt: async () => new Map([[of.partition, BigInt(world.offsetAt ?? 0)]]),
    },
    sink: { ledger: world.ledger ?? new MemoryLedger(), place: async () => {} },
    positions: { last: async () => undefined, advance: async () => {} },
    group: undefined,
    topics: [of.topic],
    ends: new Map(world.end === undefined ? [] : [[formatTopicPartition(of), BigInt(world.end)]]),
    live: world.live && {
      group: {
        isFirst: async () => world.live?.isFirst ?? false,
        signature: (_, position, last) => ({
          ...of,
          ...{ start: last?.start ?? position, end: position, attempt: `${last?.attempt} signed` },
        }),
      },
      commit: async (placed) => {
        world.committed?.push(placed);
      },
    },
    params: consumer,
    force: world.force ?? false,
    log: { ...silentLog, info: (words, fields) => world.said?.push(`${words} ${fields?.['why']}`) },
    clock: systemClock,
  });
  return positions.of(of, signal);
}

const refused = (world: World, code: ErrorCode, words: RegExp) =>
  assert.rejects(startOf(world), (error) => {
    assert.ok(isCode(error, code), String(error));
    assert.match(error.message, words);
    return true;
  });

test('an offset that does not exist is refused before anything is decided', async () => {
  const ledger = new MemoryLedger();
  await refused(
    { ledger, from: '5000', bounds: [[0, 100]], end: 100 },
    'POSITION_BEYOND_END',
    /5000.*100/,
  );
  assert.equal(await startOf({ ledger, from: 'beginning', bounds: [[0, 100]], end: 100 }), 0n);
});

test('a time that is met while records arrive is not taken for an offset behind the end', async () => {
  const bounds = [
    [0, 100],
    [0, 120],
  ] as const;
  assert.equal(await startOf({ from: '-1s', bounds, end: 100, offsetAt: 110 }), 110n);
});

test('a partition that was added later starts at its beginning, whatever --from says', async () => {
  for (const from of ['end', '5000', '-2h']) {
    assert.equal(await startOf({ from, bounds: [[0, 40]], offsetAt: 40 }), 0n, from);
  }
  assert.equal(await startOf({ bounds: [[0, 40]], live: { isFirst: true } }), 0n, 'live');
});

test('--from end or a time goes on where the table is, also when there is lag', async () => {
  for (const from of ['end', '-2h', '2026-01-01T00:00:00Z']) {
    const ledger = await chainOf(of, [0, 50]);
    assert.equal(
      await startOf({ ledger, from, bounds: [[0, 90]], end: 90, offsetAt: 80 }),
      50n,
      from,
    );
  }
});

test('an offset ahead of the table is refused, one behind it changes nothing', async () => {
  const at = async (from: string) => ({
    ledger: await chainOf(of, [0, 50]),
    from,
    bounds: [[0, 90]] as const,
    end: 90,
  });
  await refused(await at('70'), 'POSITION_AHEAD', /20 offsets would be skipped/);
  await refused(await at('3:70'), 'POSITION_AHEAD', /20 offsets/);
  assert.equal(await startOf(await at('10')), 50n);
});

test('with force a start ahead of the table is a recorded skip, whatever names it, and once only', async () => {
  for (const [from, wished] of [
    ['70', 70n],
    ['3:70', 70n],
    ['end', 80n],
    ['-2h', 75n],
    ['2026-01-01T00:00:00Z', 75n],
  ] as const) {
    const ledger = await chainOf(of, [0, 50]);
    const world = { ledger, from, force: true, bounds: [[0, 90]] as const, end: 80, offsetAt: 75 };
    assert.equal(await startOf(world), wished, from);
    const entry = await ledger.read(of, 50n);
    assert.deepEqual([entry?.kind, entry?.end, entry?.rows], ['skip', wished, 0]);
    assert.equal(await startOf(world), wished, 'again');
    assert.equal(await ledger.read(of, wished), undefined);
  }
});

test('force neither goes behind the end nor back', async () => {
  const ledger = await chainOf(of, [0, 50]);
  const world = { ledger, force: true, bounds: [[0, 90]] as const, end: 90 };
  await refused({ ...world, from: '91' }, 'POSITION_BEYOND_END', /91.*90/);
  assert.equal(await ledger.read(of, 50n), undefined, 'nothing was decided');
  assert.equal(await startOf({ ...world, from: '10' }), 50n);
});

test('O06: why a partition is read from where is said, and how much a start behind the table finds there', async () => {
  const said: string[] = [];
  const bounds = [[0, 90]] as const;
  await startOf({ from: '3:40', bounds, end: 90, said });
  await startOf({ bounds, said });
  await startOf({ bounds, end: 90, live: { isFirst: true }, said });
  await startOf({ ledger: await chainOf(of, [0, 50]), from: '10', bounds, end: 90, said });
  assert.deepEqual(said, [
    'reading from first start, --from 3:40',
    'reading from a new partition, from its beginning',
    'reading from first start, from the end',
    '40 offsets behind --from are in the table already and are not read again undefined',
    'reading from where the table ends',
  ]);
});

test('a start that names a partition the topic does not have is refused', async () => {
  await refused(
    { from: '3:1,9:5', bounds: [[0, 90]], end: 90 },
    'CONFIG_INVALID',
    /no partition 9/,
  );
});

test('--from end is the end at the start of the process, however late a partition comes', async () => {
  assert.equal(await startOf({ from: 'end', bounds: [[0, 90]], end: 80 }), 80n);
});

test('O03: a gap stops with its exact range, or is recorded as lost', async () => {
  const gap = async (onGap: 'stop' | 'earliest' | 'latest') => ({
    ledger: await chainOf(of, [0, 50]),
    onGap,
    bounds: [[70, 90]] as const,
    end: 90,
  });
  await refused(await gap('stop'), 'POSITION_GAP', /\[50, 70\)/);
  const earliest = await gap('earliest');
  assert.equal(await startOf(earliest), 70n);
  assert.equal((await earliest.ledger.read(of, 50n))?.kind, 'lost');
  const latest = await gap('latest');
  assert.equal(await startOf(latest), 90n);
  assert.equal((await latest.ledger.read(of, 70n))?.kind, 'skip');
});

test('O03: what another writer had read of a gap is his, the rest is lost', async () => {
  for (const onGap of ['earliest', 'latest'] as const) {
    const ledger = await chainOf(of, [0, 50]);
    const commit = ledger.commit.bind(ledger);
    ledger.commit = async (record) => {
      await commit(entryOf(of, 50, 60));
      return commit(record);
    };
    await startOf({ ledger, onGap, bounds: [[70, 90]], end: 90 });
    const lost = await ledger.read(of, 60n);
    assert.deepEqual([lost?.kind, lost?.end], ['lost', 70n], onGap);
  }
});

test('a table that is ahead of its topic is refused', async () => {
  const ledger = await chainOf(of, [0, 50]);
  await refused({ ledger, bounds: [[0, 40]], end: 40 }, 'POSITION_BEYOND_END', /50.*40/);
});

test('the live consumer that starts its group passes over what was sent before, another goes on', async () => {
  const world = async (isFirst: boolean) => ({
    ledger: await chainOf(of, [0, 50]),
    bounds: [[0, 90]] as const,
    end: 80,
    live: { isFirst },
  });
  const first = await world(true);
  assert.equal(await startOf(first), 80n);
  assert.equal((await first.ledger.read(of, 50n))?.kind, 'skip');
  assert.equal(await startOf(await world(false)), 50n);
  assert.equal(await startOf({ bounds: [[0, 90]], end: 80, live: { isFirst: false } }), 80n);
});

test('the last record is known behind every kind of entry, and a live consumer signs where it begins', async () => {
  const last = { offset: 49n, timestamp: 7, checksum: 'abc' };
  const ledger = new MemoryLedger();
  await ledger.origin(of, 0n);
  await ledger.commit(entryOf(of, 0, 50, { last }));
  const committed: PlacedBatch[] = [];
  const world: World = { ledger, bounds: [[0, 90]], end: 80, live: { isFirst: true }, committed };
  const started = { position: 80n, last, origin: 0n, logStart: 0n };
  assert.deepEqual(await wholeStart(world), started, 'behind the jump that was just recorded');
  assert.deepEqual(await wholeStart({ ...world, live: { isFirst: false } }), started);
  assert.deepEqual(
    committed.map(({ start, end }) => [start, end]),
    [
      [50n, 80n],
      [50n, 80n],
    ],
  );
  const lost: World = { ledger, onGap: 'earliest', bounds: [[85, 90]], end: 90 };
  assert.deepEqual(await wholeStart(lost), { ...started, position: 85n, logStart: 85n });
});
