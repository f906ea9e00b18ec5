// What a batch becomes: rows, files in each format, table partitions, rejects and records left out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EncoderSettings } from '../../../../clients/duckdb/row-encoder.ts';
import { type Column, DAY_UNKNOWN, POST_COLUMNS } from '../../../../pipeline/table.ts';
import {
  ALL_COLUMNS,
  batchOf,
  describeParquet,
  NOON,
  never,
  one,
  readJsonLines,
  readParquet,
  tableOf,
  textOf,
  withEncoder,
} from './encoding.ts';

test('values that are not UTF-8, not JSON or more than one JSON text are rejected and inject nothing', async () => {
  const bad = [
    Buffer.from([0x22, 0xff, 0x22]),
    '1},{"kafka_offset":5',
    '{}{}',
    '{"a":1}\n{"a":2}',
    '',
    ' ',
    '{',
    "{'a':1}",
    'NaN',
  ];
  await withEncoder({ table: tableOf(one('string')) }, async (encoder) => {
    const { files, rejects } = await encoder.encodeFiles(
      batchOf(['{"a":"first"}', ...bad, '{"a":"last"}']),
      never,
    );
    assert.deepEqual(
      rejects.map((r) => r.code),
      ['CODEC_NOT_UTF8', ...Array(8).fill('CODEC_NOT_JSON')],
    );
    const rows = await readParquet(files[0]?.path ?? '', one('string'));
    assert.deepEqual(
      rows.map((row) => [row[2], row[4]]),
      [
        ['100', 'first'],
        ['110', 'last'],
      ],
    );
  });
});

test('text is written as it came, in every format and by both ways', async () => {
  const hostile = [
    '\'"\\',
    'a\nb\r\nc\td',
    'a\u0000b',
    'a;b',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the braces are the point.
    '${env:PATH}',
    '🚀 مرحبا \u202eabc',
    '\ufffd',
    '\u2028\u2029',
    '\ufeffbom',
    '',
    'null',
  ];
  const values = hostile.map((text) => JSON.stringify({ a: text }));
  const slow = values.map((value) => value.replace('{', '{"a":"lost",'));
  for (const format of ['parquet', 'json', 'json-gzip'] as const)
    await withEncoder({ table: tableOf(one('string'), format) }, async (encoder) => {
      for (const sent of [values, slow]) {
        const { files, rejects } = await encoder.encodeFiles(batchOf(sent), never);
        assert.deepEqual(rejects, []);
        const file = files[0];
        assert.ok(file);
        const rows =
          format === 'parquet'
            ? (await readParquet(file.path, one('string'))).map((row) => row[4])
            : readJsonLines(file).map((row) => row['c']);
        assert.deepEqual(rows, hostile, format);
      }
    });
});

test('JSON Lines carry lower case names, Hive timestamps, and no number JSON does not have', async () => {
  for (const format of ['json', 'json-gzip'] as const)
    await withEncoder({ table: tableOf(ALL_COLUMNS, format) }, async (encoder) => {
      const value =
        '{"id":"x","likes":9007199254740993,"level":1,"score":1.5,"ok":true,"at":"2024-03-01T10:00:00Z","day":"2024-02-29","tags":["a",null],"location":{"city":"P"},"z":1}';
      const batch = batchOf([value, '{"score":"NaN"}', '{"at":"2024-03-01T10:00:00.123456Z"}']);
      const { files, rejects } = await encoder.encodeFiles(batch, never);
      assert.deepEqual(
        rejects.map((r) => r.code),
        ['CODEC_COLUMN'],
      );
      const [first, second] = files.flatMap(readJsonLines);
      // JSON.parse rounds the large number, so its digits are looked for in the text.
      assert.match(textOf(files[0]), /"likes":9007199254740993,/);
      assert.deepEqual(first, {
        kafka_topic: "it's.a-topic",
        kafka_partition: 3,
        kafka_offset: 100,
        kafka_timestamp: '2026-11-21 12:00:00.000',
        id: 'x',
        likes: 9007199254740992,
        level: 1,
        score: 1.5,
        ok: true,
        at: '2024-03-01 10:00:00.000',
        day: '2024-02-29',
        tags: ['a', null],
        city: 'P',
        select: value,
      });
      assert.equal(second?.['at'], '2024-03-01 10:00:00.123456');
    });
});

test('Parquet columns have the types Hive expects', async () => {
  await withEncoder({ table: tableOf(ALL_COLUMNS) }, async (encoder) => {
    const { files } = await encoder.encodeFiles(batchOf(['{}']), never);
    assert.deepEqual(await describeParquet(files[0]?.path ?? ''), {
      kafka_topic: 'VARCHAR',
      kafka_partition: 'INTEGER',
      kafka_offset: 'BIGINT',
      kafka_timestamp: 'TIMESTAMP',
      id: 'VARCHAR',
      likes: 'BIGINT',
      level: 'INTEGER',
      score: 'DOUBLE',
      ok: 'BOOLEAN',
      at: 'TIMESTAMP',
      day: 'DATE',
      tags: 'VARCHAR[]',
      city: 'VARCHAR',
      select: 'VARCHAR',
    });
  });
});

test('records go to the table partition of their Kafka day, those without a time to the unknown one', async () => {
  const times = [
    NOON,
    Date.UTC(2026, 10, 21, 23, 59, 59, 999),
    Date.UTC(2026, 10, 22),
    -1,
    Date.UTC(1969, 11, 31),
    1e15,
  ];
  await withEncoder({ table: tableOf(one('string')) }, async (encoder) => {
    const batch = batchOf(
      times.map(() => '{"a":"x"}'),
      (i) => times[i] ?? 0,
    );
    const { files, rejects } = await encoder.encodeFiles(batch, never);
    assert.deepEqual(Object.fromEntries(files.map((f) => [f.tablePartition, f.rows])), {
      '2026-11-21': 2,
      '2026-11-22': 1,
      [DAY_UNKNOWN]: 1,
      '1969-12-31': 1,
    });
    assert.deepEqual(
      rejects.map((r) => [r.record.offset, r.code]),
      [[105n, 'CODEC_COLUMN']],
    );
    const unknown = files.find((f) => f.tablePartition === DAY_UNKNOWN);
    assert.equal((await readParquet(unknown?.path ?? '', one('string')))[0]?.[3], null);
  });
});

test('an event time gives the day in UTC, and a row without one goes to the unknown day', async () => {
  const columns = one('timestamp');
  await withEncoder({ table: tableOf(columns, 'parquet', 'C') }, async (encoder) => {
    const batch = batchOf([
      '{"a":"2024-02-29T23:30:00-01:00"}',
      '{"a":"2024-02-28T10:00:00Z"}',
      '{}',
      '{"a":null}',
    ]);
    for (const { groups } of [await encoder.encodeRows(batch, never)])
      assert.deepEqual(
        groups.map((g) => [g.tablePartition, g.rows.length]),
        [
          ['2024-03-01', 1],
          ['2024-02-28', 1],
          [DAY_UNKNOWN, 2],
        ],
      );
    const { files } = await encoder.encodeFiles(batch, never);
    assert.deepEqual(
      files.map((f) => [f.tablePartition, f.rows]),
      [
        ['2024-03-01', 1],
        ['2024-02-28', 1],
        [DAY_UNKNOWN, 2],
      ],
    );
  });
});

test('a tombstone is skipped, written as NULLs or rejected, as the policy says', async () => {
  const batch = batchOf([null, '{"a":"x"}']);
  const outcome = (tombstones: EncoderSettings['tombstones']) =>
    withEncoder({ table: tableOf(one('string')), tombstones }, async (encoder) => {
      const { files, skipped, rejects } = await encoder.encodeFiles(batch, never);
      return [files[0]?.rows, skipped, rejects.map((r) => r.code)];
    });
  assert.deepEqual(await outcome('skip'), [1, 1, []]);
  assert.deepEqual(await outcome('write'), [2, 0, []]);
  assert.deepEqual(await outcome('dead-letter'), [1, 0, ['CODEC_TOMBSTONE']]);
});

test('plain text lands whole in the columns of the whole value', async () => {
  const values = ['hello "you"', '{"id":"no json here"}', '', 'a\nb', Buffer.from([0xc3])];
  await withEncoder({ table: tableOf(POST_COLUMNS), valueFormat: 'text' }, async (encoder) => {
    const { files, rejects } = await encoder.encodeFiles(batchOf(values), never);
    const rows = await readParquet(files[0]?.path ?? '', POST_COLUMNS);
    assert.deepEqual(
      rows.map((row) => [row[4], row.at(-1)]),
      values.slice(0, 4).map((value) => [null, value]),
    );
    assert.deepEqual(
      rejects.map((r) => r.code),
      ['CODEC_NOT_UTF8'],
    );
  });
});

test('$rest keeps what no column takes, $ keeps everything', async () => {
  const columns: Column[] = [
    { name: 'city', type: 'string', path: 'location.city' },
    { name: 'rest', type: 'string', path: '$rest' },
    { name: 'whole', type: 'string', path: '$' },
  ];
  const values = [
    '{"location":{"city":"a","zip":1}}',
    '{ "x": 1 }',
    '[1]',
    '5',
    '{"location":"Paris"}',
    '{}',
  ];
  await withEncoder({ table: tableOf(columns) }, async (encoder) => {
    const { groups } = await encoder.encodeRows(batchOf(values), never);
    assert.deepEqual(
      groups[0]?.rows.map((row) => row.slice(4, 6)),
      [
        ['a', null],
        [null, '{ "x": 1 }'],
        [null, '[1]'],
        [null, '5'],
        [null, null],
        [null, null],
      ],
    );
    assert.deepEqual(
      groups[0]?.rows.map((row) => row[6]),
      values,
    );
  });
});

test('deep and large values become rows or rejects', async () => {
  const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
  const values = [
    `{"a":${deep(10_000)}}`,
    `{"a":"x","b":${deep(10_000)}}`,
    `{"a":"${'x'.repeat(1 << 20)}"}`,
    `{"a":"${'\\"'.repeat(1 << 20)}"}`,
    `{"a":"${'y'.repeat(12 << 20)}"}`,
  ];
  await withEncoder({ table: tableOf(one('string')) }, async (encoder) => {
    const { files, rejects } = await encoder.encodeFiles(batchOf(values), never);
    assert.deepEqual(rejects, []);
    const rows = await readParquet(files[0]?.path ?? '', one('string'));
    assert.deepEqual(
      rows.map((row) => String(row[4]).length),
      [20_000, 1, 1 << 20, 1 << 20, 12 << 20],
    );
  });
});
