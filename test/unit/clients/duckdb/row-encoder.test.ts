import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type EncoderSettings,
  RowEncoder,
  type RowValue,
} from '../../../../clients/duckdb/row-encoder.ts';
import { isCode, Stopping } from '../../../../pipeline/errors.ts';
import { type Column, DAY_UNKNOWN, POST_COLUMNS } from '../../../../pipeline/table.ts';
import {
  ALL_COLUMNS,
  batchOf,
  describeParquet,
  NOON,
  never,
  readJsonLines,
  readParquet,
  tableOf,
  textOf,
} from './encoding.ts';

const one = (type: Column['type'], path = 'a'): readonly Column[] => [{ name: 'c', type, path }];

async function withEncoder<T>(
  settings: Partial<EncoderSettings> & Pick<EncoderSettings, 'table'>,
  use: (encoder: RowEncoder) => Promise<T>,
): Promise<T> {
  const encoder = await RowEncoder.open({ valueFormat: 'json', tombstones: 'skip', ...settings });
  try {
    return await use(encoder);
  } finally {
    await encoder.close();
  }
}

/** What becomes of each JSON text under one column named `c` with path `a`: its value, or the code of the reject. */
async function under(
  type: Column['type'],
  values: readonly string[],
): Promise<(RowValue | undefined)[]> {
  return withEncoder({ table: tableOf(one(type)) }, async (encoder) => {
    const batch = batchOf(values.map((value) => `{"a":${value}}`));
    const encoded = await encoder.encodeRows(batch, never);
    const byOffset = new Map(encoded.groups.flatMap((g) => g.rows).map((row) => [row[2], row[4]]));
    const rejected = new Map(encoded.rejects.map((r) => [String(r.record.offset), r.code]));
    return values.map(
      (_, i) => byOffset.get(String(100 + i)) ?? rejected.get(String(100 + i)) ?? null,
    );
  });
}

test('a bigint is exact over its whole range, and anything else that is no whole number is rejected', async () => {
  const fits = [
    '9007199254740993',
    '"9007199254740993"',
    '9223372036854775807',
    '-9223372036854775808',
    '1e3',
    '1.0',
    '"007"',
  ];
  assert.deepEqual(await under('bigint', fits), [
    '9007199254740993',
    '9007199254740993',
    '9223372036854775807',
    '-9223372036854775808',
    '1000',
    '1',
    '7',
  ]);
  const not = [
    '9223372036854775808',
    '-9223372036854775809',
    '1.5',
    '1e30',
    '"x"',
    '""',
    'true',
    '[1]',
    '{}',
    '"1_000"',
  ];
  assert.deepEqual(
    await under('bigint', not),
    not.map(() => 'CODEC_COLUMN'),
  );
});

test('an int holds 32 bits', async () => {
  assert.deepEqual(await under('int', ['2147483647', '-2147483648', '2147483648', '-2147483649']), [
    '2147483647',
    '-2147483648',
    'CODEC_COLUMN',
    'CODEC_COLUMN',
  ]);
});

test('a double takes finite numbers and the three names of the others, but no number out of range', async () => {
  assert.deepEqual(
    await under('double', [
      '1.5',
      '-0',
      '"NaN"',
      '"-Infinity"',
      '"2.5"',
      '1e400',
      '"1e400"',
      'true',
      '"x"',
    ]),
    [
      '1.5',
      '0',
      'NaN',
      '-Infinity',
      '2.5',
      'CODEC_COLUMN',
      'CODEC_COLUMN',
      'CODEC_COLUMN',
      'CODEC_COLUMN',
    ],
  );
});

test('a timestamp is ISO 8601 or milliseconds, in UTC, to the microsecond', async () => {
  const fits = [
    '"2024-02-29T12:34:56Z"',
    '"2024-02-29T00:30:00+02:00"',
    '"2024-02-29 12:34:56.5"',
    '"2024-02-29T12:34:56.123456"',
    '"2024-02-29T12:34:56.1234569Z"',
    '"2024-02-29"',
    '1709210096123',
    '-1',
    '"0001-01-01T00:00:00Z"',
    '"9999-12-31T23:59:59.999Z"',
  ];
  assert.deepEqual(await under('timestamp', fits), [
    '2024-02-29 12:34:56.000',
    '2024-02-28 22:30:00.000',
    '2024-02-29 12:34:56.500',
    '2024-02-29 12:34:56.123456',
    '2024-02-29 12:34:56.123456',
    '2024-02-29 00:00:00.000',
    '2024-02-29 12:34:56.123',
    '1969-12-31 23:59:59.999',
    '0001-01-01 00:00:00.000',
    '9999-12-31 23:59:59.999',
  ]);
  const not = [
    '"2023-02-29T00:00:00Z"',
    '"2024-13-01T00:00:00Z"',
    '"2024-01-01T24:00:00Z"',
    '"2024-01-01T00:00:60Z"',
    '"0001-01-01T00:00:00+01:00"',
    '"0000-01-01T00:00:00Z"',
    '253402300800000',
    '1.5',
    '""',
    '"now"',
    '"1709210096123"',
    'true',
    '[]',
  ];
  assert.deepEqual(
    await under('timestamp', not),
    not.map(() => 'CODEC_COLUMN'),
  );
});

test('a date is a day that exists, a boolean true or false', async () => {
  assert.deepEqual(
    await under('date', [
      '"2024-02-29"',
      '"2023-02-29"',
      '"2024-2-1"',
      '"2024-02-29T00:00:00Z"',
      '20240229',
    ]),
    ['2024-02-29', ...Array(4).fill('CODEC_COLUMN')],
  );
  assert.deepEqual(await under('boolean', ['true', '"false"', '1', '"TRUE"', '["true"]']), [
    'true',
    'false',
    ...Array(3).fill('CODEC_COLUMN'),
  ]);
});

test('an array of strings takes scalars as their JSON text and nothing that is nested', async () => {
  assert.deepEqual(
    await under('array<string>', ['["a",null,1.0,true,""]', '[]', '"a"', '{}', '[[]]', '[{}]']),
    [['a', null, '1.0', 'true', ''], [], ...Array(4).fill('CODEC_COLUMN')],
  );
});

test('a string column keeps the JSON text of what is no string, and an empty string is not NULL', async () => {
  assert.deepEqual(
    await under('string', [
      '""',
      'null',
      '1.0',
      '12345678901234567890',
      'true',
      '{"a": [1]}',
      '"\\ud800x"',
    ]),
    ['', null, '1.0', '12345678901234567890', 'true', '{"a": [1]}', '\ufffdx'],
  );
});

test('the reason of a reject names the column and does not show the value', async () => {
  await withEncoder({ table: tableOf(one('bigint')) }, async (encoder) => {
    const { rejects } = await encoder.encodeFiles(batchOf(['{"a":"secret"}']), never);
    assert.equal(rejects[0]?.reason, 'column c is bigint, and the string at a does not fit');
  });
});

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

test('batches encoded at the same time do not meet, also when some need the exact way', async () => {
  await withEncoder({ table: tableOf(one('string')) }, async (encoder) => {
    const encoded = await Promise.all(
      Array.from({ length: 8 }, (_, n) => {
        const lead = n % 2 ? '"a":"lost",' : '';
        return encoder.encodeFiles(
          batchOf(Array.from({ length: 500 }, (_, i) => `{${lead}"a":"${n}-${i}"}`)),
          never,
        );
      }),
    );
    for (const [n, { files }] of encoded.entries()) {
      const rows = await readParquet(files[0]?.path ?? '', one('string'));
      assert.deepEqual(
        rows.map((row) => row[4]),
        Array.from({ length: 500 }, (_, i) => `${n}-${i}`),
      );
    }
  });
});

test('files live until they are disposed of, and nothing is left after closing', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'encoder-test-'));
  try {
    const table = tableOf(one('string'), 'json-gzip');
    const encoder = await RowEncoder.open({
      table,
      valueFormat: 'json',
      tombstones: 'skip',
      directory,
    });
    const encoded = await encoder.encodeFiles(batchOf(['{"a":1}', '{"a":"x","a":"y"}']), never);
    const [workspace = ''] = await readdir(directory);
    assert.match(workspace, new RegExp(`-${process.pid}-`));
    assert.equal((await readdir(join(directory, workspace))).length, 1);
    await encoded.dispose();
    await encoded.dispose();
    assert.deepEqual(await readdir(join(directory, workspace)), []);
    await encoder.close();
    await encoder.close();
    assert.deepEqual(await readdir(directory), []);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('an aborted call throws the reason of the signal and leaves no file', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'encoder-test-'));
  try {
    await withEncoder({ table: tableOf(one('string')), directory }, async (encoder) => {
      const controller = new AbortController();
      const values = Array.from({ length: 20_000 }, (_, i) => `{"a":"${i}"}`);
      const encoding = encoder.encodeFiles(batchOf(values), controller.signal);
      setImmediate(() => controller.abort(new Stopping('test')));
      await assert.rejects(encoding, Stopping);
      await assert.rejects(encoder.encodeRows(batchOf(values), controller.signal), Stopping);
      const [workspace = ''] = await readdir(directory);
      assert.deepEqual(await readdir(join(directory, workspace)), []);
    });
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('an empty batch and a batch of rejects give no file', async () => {
  await withEncoder({ table: tableOf(one('string')) }, async (encoder) => {
    assert.deepEqual((await encoder.encodeFiles(batchOf([]), never)).files, []);
    const { files, rejects } = await encoder.encodeFiles(batchOf(['x', 'y']), never);
    assert.deepEqual([files.length, rejects.length], [0, 2]);
  });
});

test('columns that contradict each other are refused when the encoder opens', async () => {
  const refused = (columns: readonly Column[], dayFrom?: string) =>
    assert.rejects(
      RowEncoder.open({
        table: tableOf(columns, 'parquet', dayFrom),
        valueFormat: 'json',
        tombstones: 'skip',
      }),
      (error) => isCode(error, 'CONFIG_INVALID'),
    );
  await refused([...one('string'), { name: 'C', type: 'int', path: 'b' }]);
  await refused([{ name: 'Kafka_Offset', type: 'bigint', path: 'a' }]);
  await refused([{ name: 'dt', type: 'string', path: 'a' }]);
  await refused(one('bigint', '$'));
  await refused(one('string', 'a..b'));
  await refused(one('string'), 'c');
  await refused(one('string'), 'nobody');
});

test('a directory that cannot be written is named', async () => {
  const opening = RowEncoder.open({
    table: tableOf(one('string')),
    valueFormat: 'json',
    tombstones: 'skip',
    directory: '/nowhere/at/all',
  });
  await assert.rejects(
    opening,
    (error) => isCode(error, 'FILES_REJECTED') && /\/nowhere/.test(error.message),
  );
});
