// The Hive table of a schedule as the checker sees it: rows by SQL, the ledger, and what is left in staging.
import { openLocation } from '../../clients/files/location.ts';
import { quoteName } from '../../clients/hive/quoting.ts';
import { HiveClient } from '../../clients/hive/session.ts';
import { openLedger } from '../../consumer/sinks/index.ts';
import type { Settings } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import type { Lifecycle } from '../../pipeline/lifecycle.ts';
import { silentLog } from '../../pipeline/log.ts';
import type { Destination, TableRow } from './destination.ts';

/** What it opens is in `opened`. Throws what the servers throw. */
export async function openHiveTable(
  settings: Settings,
  opened: Lifecycle,
  signal: AbortSignal,
): Promise<Destination> {
  const clock = systemClock;
  const { database, name } = settings.params.table;
  const client = await HiveClient.open(settings.config.hive, { log: silentLog, clock }, signal);
  const hive = opened.add('hive', client);
  const ledger = await openLedger(settings, name, { hive, clock, opened }, signal);
  return {
    ...{ name: `${database}.${name}`, ledger },
    rows: () => readTable(hive, settings, signal),
    leftovers: () => readLeftovers(hive, settings, signal),
  };
}

/** Without aggregation: HiveServer2 hands the files out as they are, in the order of their lines, and starts no job. */
async function readTable(
  hive: HiveClient,
  { params: { table } }: Settings,
  signal: AbortSignal,
): Promise<TableRow[]> {
  const sql = `SELECT INPUT__FILE__NAME AS f, kafka_partition AS p, kafka_offset AS o, id, text FROM ${quoteName(table.database)}.${quoteName(table.name)}`;
  const rows = await hive.query(sql, signal);
  const textOrNull = (cell: unknown) => (cell === null ? null : String(cell));
  return rows.map((row) => ({
    file: String(row['f']),
    partition: Number(row['p']),
    offset: BigInt(String(row['o'])),
    id: textOrNull(row['id'] ?? null),
    text: textOrNull(row['text'] ?? null),
  }));
}

async function readLeftovers(
  hive: HiveClient,
  { params: { table, consumer }, config }: Settings,
  signal: AbortSignal,
): Promise<string[]> {
  if (consumer.sink === 'hive-insert') {
    const staging = `${quoteName(table.database)}.${quoteName(`${table.name}_staging`)}`;
    const rows = await hive.query(`SHOW PARTITIONS ${staging}`, signal);
    return rows.map((row) => String(Object.values(row)[0]));
  }
  const { files, path } = openLocation(table.location ?? '', config.hdfs);
  const found: string[] = [];
  const walk = async (directory: string): Promise<void> => {
    for (const { name, type } of (await files.list(`${path}/${directory}`, signal)) ?? []) {
      // A start that died while probing stages nothing; what it left is swept a minute later at the earliest.
      if (name === '_probe') continue;
      if (type === 'directory') await walk(`${directory}/${name}`);
      else found.push(`${directory}/${name}`);
    }
  };
  await walk('_staging');
  files.close();
  return found;
}
