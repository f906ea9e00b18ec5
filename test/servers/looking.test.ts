// `verify`, `positions show` and `positions export` on the real servers: they change nothing that they look at.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { WebHdfs } from '../../clients/files/webhdfs.ts';
import { runPositions } from '../../consumer/positions/command.ts';
import { openSink } from '../../consumer/sinks/index.ts';
import { runVerify } from '../../consumer/verify.ts';
import type { Settings } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { isCode } from '../../pipeline/errors.ts';
import { Lifecycle } from '../../pipeline/lifecycle.ts';
import { silentLog } from '../../pipeline/log.ts';
import { testSettings } from '../support/settings.ts';
import { uniqueName } from '../support/stack.ts';
import { post, start, World } from '../support/world.ts';

type SinkName = Settings['params']['consumer']['sink'];

let world: World;
before(async () => {
  world = await World.open(testSettings());
});
after(() => world.close());

/** Runs verify, positions show and positions export in turn; gives what each said, or the error it threw. */
async function look(settings: Settings): Promise<{ said: string; failed: unknown }[]> {
  const looks = [
    (deps: Parameters<typeof runVerify>[1]) => runVerify(settings, deps),
    (deps: Parameters<typeof runVerify>[1]) => runPositions(settings, deps, { kind: 'show' }),
    (deps: Parameters<typeof runVerify>[1]) => runPositions(settings, deps, { kind: 'export' }),
  ];
  const answers: { said: string; failed: unknown }[] = [];
  for (const run of looks) {
    const lines: string[] = [];
    const { done } = start<unknown>(run, (line) => lines.push(line));
    const failed = await done.then(
      () => undefined,
      (error: unknown) => error,
    );
    answers.push({ said: lines.join('\n'), failed });
  }
  return answers;
}

async function refused(
  settings: Settings,
  code: 'HIVE_REJECTED' | 'HIVE_TABLE_MISMATCH',
  message: RegExp,
) {
  for (const { failed } of await look(settings)) {
    assert.ok(isCode(failed, code), String(failed));
    assert.match(failed.message, message);
    assert.match(failed.message, new RegExp(settings.params.table.name));
    assert.ok(failed.hint);
  }
}

const names = async (sql: string) =>
  (await world.hive.query(sql, world.signal))
    .map((row) => String(Object.values(row)[0]))
    .toSorted();

/** Tables of the test's own, whatever was made beside the table itself. LIKE has other wildcards in each Hive. */
const tables = async ({ params: { table } }: Settings) =>
  (await names('SHOW TABLES IN `default`')).filter((name) =>
    name.startsWith(table.name.toLowerCase()),
  );

async function settingsOf(sink: SinkName): Promise<Settings> {
  const settings = testSettings({ consumer: { sink } });
  await world.createTopic(settings.params.topic, 1);
  return settings;
}

/** As a writer of the table: stages three records and commits them, and dies before it places them. */
async function commitOnly(settings: Settings): Promise<void> {
  const { topic, table } = settings.params;
  const [first, ...rest] = [0, 1, 2].map((id) => post(id));
  assert.ok(first);
  await world.send(topic, [first, ...rest]);
  const records = [first, ...rest].map((record, offset) => ({
    offset: BigInt(offset),
    timestamp: Date.UTC(2026, 10, 21, 12),
    key: record.key,
    value: record.value,
    headers: undefined,
  }));
  const range = { topic, partition: 0, start: 0n, end: 3n };
  await writing(settings, table.name, async (sink) => {
    await sink.ledger.origin(range, 0n, world.signal);
    const { record } = await sink.stage({ range, records }, world.signal);
    await sink.ledger.commit(record, world.signal);
  });
}

async function writing(
  settings: Settings,
  table: string,
  use: (sink: Awaited<ReturnType<typeof openSink>>) => Promise<void>,
): Promise<void> {
  const opened = new Lifecycle();
  try {
    const deps = { log: silentLog, clock: systemClock, opened };
    await use(await openSink(settings, table, deps, world.signal));
  } finally {
    await opened.close();
  }
}

/** Everything below the directory of the table, and what Hive has registered of it. */
async function everything(settings: Settings): Promise<string[]> {
  const { name } = settings.params.table;
  const facts = await world.hive.query(`DESCRIBE FORMATTED \`default\`.\`${name}\``, world.signal);
  const location = facts.find((fact) => String(fact['col_name']).startsWith('Location'));
  const files = new WebHdfs(settings.config.hdfs);
  const walk = async (path: string): Promise<string[]> => {
    const entries = (await files.list(path, world.signal)) ?? [];
    const below = entries.map(async (entry) => {
      const own = `${path}/${entry.name}`;
      return entry.type === 'directory' ? [own, ...(await walk(own))] : [own];
    });
    return (await Promise.all(below)).flat();
  };
  try {
    const root = String(location?.['data_type'])
      .trim()
      .replace(/^hdfs:\/\/[^/]*/, '');
    const registered = (await tables(settings)).map(async (table) => [
      table,
      ...(await names(`SHOW PARTITIONS \`default\`.\`${table}\``)),
    ]);
    return [...(await walk(root)), ...(await Promise.all(registered)).flat()].toSorted();
  } finally {
    files.close();
  }
}

for (const sink of ['hive-load', 'hive-insert'] as const) {
  describe(`looking at a table of ${sink}`, () => {
    test('a table that does not exist is named and not created, nor is its database', async () => {
      const settings = await settingsOf(sink);
      await refused(settings, 'HIVE_REJECTED', /There is no table default\./);
      assert.deepEqual(await tables(settings), []);
      const database = uniqueName('nowhere').toLowerCase();
      const { params, config } = settings;
      const elsewhere = { config, params: { ...params, table: { ...params.table, database } } };
      await refused(elsewhere, 'HIVE_REJECTED', new RegExp(`There is no table ${database}\\.`));
      assert.ok(!(await names('SHOW DATABASES')).includes(database));
    });

    test('a batch that is committed and not placed is told of, and stays as it is until a writer comes', async () => {
      const settings = await settingsOf(sink);
      await commitOnly(settings);
      const before = await everything(settings);
      assert.ok(
        before.some((name) => name.includes('staging')),
        before.join(),
      );
      const [verified, shown, exported] = await look(settings);
      assert.ok(isCode(verified?.failed, 'VERIFY_FAILED'), String(verified?.failed));
      assert.match(verified.said, /\[0, 3\) with 3 rows, is committed and not placed yet/);
      assert.deepEqual([shown?.failed, exported?.failed], [undefined, undefined]);
      assert.match(shown?.said ?? '', /^ *0 +- +3 +3 +0$/m);
      assert.equal(JSON.parse(exported?.said ?? '').positions[0].position, '3');
      assert.deepEqual(await everything(settings), before);
      assert.deepEqual(await world.offsets(settings.params.table.name), []);
      const range = { topic: settings.params.topic, partition: 0 };
      await writing(settings, settings.params.table.name, async (writer) => {
        const entry = await writer.ledger.read(range, 0n, world.signal);
        await writer.place(entry ?? assert.fail('the entry is gone'), world.signal);
      });
      const [placed] = await look(settings);
      assert.equal(placed?.failed, undefined, placed?.said);
    });

    test('the table of the other sink is refused, and that sink named', async () => {
      const settings = await settingsOf(sink);
      await writing(settings, settings.params.table.name, async () => {});
      const { params, config } = settings;
      const other = sink === 'hive-load' ? 'hive-insert' : 'hive-load';
      const wrong = {
        config,
        params: { ...params, consumer: { ...params.consumer, sink: other } },
      } as const;
      await refused(wrong, 'HIVE_TABLE_MISMATCH', new RegExp(`is written by the sink ${sink}`));
    });

    test('a table that no consumer has opened is refused and not claimed', async () => {
      const settings = await settingsOf(sink);
      const name = `\`default\`.\`${settings.params.table.name}\``;
      await world.hive.execute(
        `CREATE EXTERNAL TABLE ${name} (id string) STORED AS PARQUET`,
        world.signal,
      );
      await refused(settings, 'HIVE_TABLE_MISMATCH', /no consumer has opened it yet/);
      const properties = await names(`SHOW TBLPROPERTIES ${name}`);
      assert.ok(!properties.includes('kafka_hive.ledger'), properties.join());
      assert.equal((await tables(settings)).length, 1);
    });
  });
}

test('a ledger that was dropped is missed and not created anew', async () => {
  const settings = await settingsOf('hive-insert');
  const { name } = settings.params.table;
  await writing(settings, name, async () => {});
  await world.hive.execute(`DROP TABLE \`default\`.\`${name}_ledger\``, world.signal);
  await refused(
    settings,
    'HIVE_REJECTED',
    new RegExp(`There is no table default\\.${name}_ledger`),
  );
  assert.deepEqual(
    await tables(settings),
    [name, `${name}_staging`].map((one) => one.toLowerCase()),
  );
});
