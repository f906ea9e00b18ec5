// Asks HiveServer2 by SQL what arrived, beside what `verify` says, and prints both as one accounting.
import { HiveClient } from '../../clients/hive/session.ts';
import { loadSettings } from '../../params/load.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { silentLog } from '../../pipeline/log.ts';
import { withRetry } from '../../pipeline/retry.ts';
import { startCommand } from './command.ts';
import type { Job } from './job.ts';
import type { Workspace } from './workspace.ts';

const FIRST_ROWS = 8;
/** A job of the local stack may fail on a busy machine; asking again changes nothing. */
const RETRY = { delayMs: 500, delayMsMax: 5000, deadlineMs: 60_000 };

interface Total {
  readonly read: number;
  readonly written: number;
  readonly deadLetters: number;
  readonly skipped: number;
  readonly missing: number;
  readonly doubled: number;
}

export interface TableAccount {
  /** Who filled the table. */
  readonly title: string;
  readonly table: string;
  /** Records Kafka acknowledged for this consumer. */
  readonly produced: number;
  readonly isLive: boolean;
}

interface Account extends TableAccount, Verified {
  /** By SQL. */
  readonly rows: number;
  readonly missing: number;
  readonly doubled: number;
}

interface Verified {
  readonly total: Total;
  readonly balanced: boolean;
}

const NOT_VERIFIED: Verified = {
  total: { read: 0, written: 0, deadLetters: 0, skipped: 0, missing: 0, doubled: 0 },
  balanced: false,
};

async function verify(job: Job, account: TableAccount): Promise<Verified> {
  let printed = '';
  const command = startCommand(
    ['verify', '--json', ...(account.isLive ? ['--live'] : []), ...job.settings],
    { signal: job.signal },
  );
  try {
    printed = await command.done;
  } catch (error) {
    // It ends with 1 when something does not agree; what it printed says what.
    printed = command.stdout();
    if (!printed.startsWith('{')) throw error;
  }
  return JSON.parse(printed);
}

interface Counted {
  readonly rows: number;
  /** Distinct pairs of topic partition and offset. */
  readonly distinct: number;
}

const NO_ROWS: Counted = { rows: 0, distinct: 0 };

/** One statement for all tables: each costs HiveServer2 a job. */
async function countRows(
  job: Job,
  hive: HiveClient,
  database: string,
  tables: readonly TableAccount[],
): Promise<Map<string, Counted>> {
  const each = tables.map(
    ({ table }) =>
      `SELECT '${table}' AS name, kafka_partition, kafka_offset FROM \`${database}\`.\`${table}\``,
  );
  const count = () =>
    hive.query(
      `SELECT name, count(*) AS n, count(DISTINCT kafka_partition, kafka_offset) AS d FROM (${each.join(' UNION ALL ')}) AS every GROUP BY name`,
      job.signal,
    );
  const counted = await withRetry(count, RETRY, systemClock, job.signal);
  return new Map(
    counted.map((row) => [
      String(row['name']),
      { rows: Number(row['n']), distinct: Number(row['d']) },
    ]),
  );
}

const format = (value: number) => value.toLocaleString('en-US');

/** Prints the accounting of each table and its first rows. Returns whether nothing is missing and nothing doubled. */
export async function printAccounting(
  job: Job,
  { database, paramsFile, configFile }: Pick<Workspace, 'database' | 'paramsFile' | 'configFile'>,
  tables: readonly TableAccount[],
): Promise<boolean> {
  const { settings } = loadSettings({ env: {}, paramsFile, configFile });
  const hive = await HiveClient.open(
    settings.config.hive,
    { log: silentLog, clock: systemClock },
    job.signal,
  );
  try {
    // One after the other: the local stack runs one job at a time reliably.
    const counts = await countRows(job, hive, database, tables);
    const verified: Verified[] = [];
    for (const each of tables) verified.push(await verify(job, each));
    const accounts = tables.map((each, index): Account => {
      const { total, balanced } = verified[index] ?? NOT_VERIFIED;
      const { rows, distinct } = counts.get(each.table) ?? NO_ROWS;
      const missing = each.produced - distinct - total.deadLetters - total.skipped;
      return { ...each, total, balanced, rows, missing, doubled: rows - distinct };
    });
    for (const { table, rows, balanced } of accounts)
      job.screen.note(
        `${table}: ${format(rows)} rows by SQL; verify: topic, ledger and table ${balanced ? 'agree' : 'DO NOT AGREE'}`,
      );
    printSums(job, accounts);
    await printFirstRows(job, hive, `\`${database}\`.\`${tables[0]?.table}\``);
    return accounts.every(
      ({ balanced, missing, doubled, total }) =>
        balanced && missing === 0 && doubled === 0 && total.missing === 0 && total.doubled === 0,
    );
  } finally {
    await hive.close();
  }
}

function printSums(job: Job, accounts: readonly Account[]): void {
  const line = (label: string, value: (account: Account) => number) => [
    label,
    ...accounts.map((account) => format(value(account))),
  ];
  job.screen.phase('Accounting');
  job.screen.table(
    [
      ['', ...accounts.map(({ title }) => title)],
      line('produced (acknowledged by Kafka)', ({ produced }) => produced),
      line('read', ({ total }) => total.read),
      line('= written (rows in Hive)', ({ rows }) => rows),
      line('+ dead-lettered', ({ total }) => total.deadLetters),
      line('+ skipped', ({ total }) => total.skipped),
      line('missing', ({ missing }) => missing),
      line('doubled', ({ doubled }) => doubled),
    ],
    ['left', ...accounts.map(() => 'right' as const)],
  );
}

async function printFirstRows(job: Job, hive: HiveClient, table: string): Promise<void> {
  const columns = ['kafka_partition', 'kafka_offset', 'created_at', 'author', 'lang', 'text'];
  const rows = await hive.query(
    `SELECT ${columns.join(', ')} FROM ${table} LIMIT ${FIRST_ROWS}`,
    job.signal,
  );
  job.screen.line('');
  job.screen.note(`SELECT … FROM ${table.replaceAll('`', '')} LIMIT ${FIRST_ROWS}`);
  job.screen.table(
    [columns, ...rows.map((row) => columns.map((column) => String(row[column] ?? 'NULL')))],
    ['right', 'right', 'left', 'left', 'left', 'left'],
  );
}
