// A ledger kept by the metastore of Hive alone: each entry is a table partition of `<table>_ledger`, and what the entry
// says is written in its LOCATION. ADD PARTITION without IF NOT EXISTS lets exactly one writer win.
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import {
  describePartition,
  type PartitionSpec,
  partitionClause,
  quoteTable,
  type TableName,
} from '../clients/hive/describe.ts';
import { isAlreadyThere } from '../clients/hive/errors.ts';
import { quoteString } from '../clients/hive/quoting.ts';
import type { HiveClient } from '../clients/hive/session.ts';
import type { Clock } from '../pipeline/clock.ts';
import { invariant, PipelineError } from '../pipeline/errors.ts';
import type { BatchRecord, Ledger, RollUp } from '../pipeline/ledger.ts';
import { formatTopicPartition, type TopicPartition } from '../pipeline/range.ts';
import {
  formatEntry,
  formatOrigin,
  formatRollUp,
  parseEntry,
  parseOrigin,
  parseRollUp,
} from './ledger-entry.ts';
import { NewestRollUps } from './roll-up.ts';
import { describeStanding, ensureTable, locationOf } from './sinks/hive-table.ts';

// The metastore keeps a location in at most 4,000 characters, HDFS a directory's name in at most 255.
const LOCATION_MAX = 3900;
const NAME_MAX = 200;

const ORIGIN = 'origin';
const PLACED = 'kafka_hive.placed';
const MARK = '/entry-v1/';

/** Table partitions that one statement drops. */
const DROPS_MAX = 50;

/** What an entry is named by: its start, or what it is instead of a batch. */
type Name = bigint | typeof ORIGIN | `roll-up-${number}`;

const partitionSpec = (of: TopicPartition, name: Name): PartitionSpec => ({
  topic: of.topic,
  part: of.partition,
  start_offset: name.toString(),
});

/**
 * A path that says `content`: compressed, in letters, digits, `-` and `_`, as directories below `label`, which is for
 * people. The directories stay empty.
 */
export function writeLocation(base: string, label: string, content: Buffer): string {
  const text = deflateRawSync(content).toString('base64url');
  const names = text.match(new RegExp(`.{1,${NAME_MAX}}`, 'g')) ?? [];
  // The x keeps a piece of content from looking like the mark.
  return `${base}${MARK}${label}/${names.map((name) => `x${name}`).join('/')}`;
}

/** The content of a location, undefined when it is none of ours. */
export function readLocation(location: string): Buffer | undefined {
  const at = location.lastIndexOf(MARK);
  if (at < 0) return undefined;
  const [, ...names] = location.slice(at + MARK.length).split('/');
  try {
    return inflateRawSync(Buffer.from(names.map((name) => name.slice(1)).join(''), 'base64url'));
  } catch {
    return undefined;
  }
}

/** Needs nothing but HiveServer2. The directories that locations name stay, and are empty. */
export class MetastoreLedger implements Ledger {
  readonly #hive: HiveClient;
  readonly #table: TableName;
  readonly #clock: Clock;
  readonly #newest = new NewestRollUps(async (of, number, signal) => {
    const found = await this.#read(of, `roll-up-${number}`, signal);
    return found && parseRollUp(found.content, of, number, found.location);
  });
  #base: string | undefined;

  constructor(hive: HiveClient, table: TableName, clock: Clock) {
    this.#hive = hive;
    this.#table = table;
    this.#clock = clock;
  }

  /**
   * For readers: the standing ledger of a table whose sink is hive-insert. Creates nothing, and nothing can be committed
   * to it. Throws HIVE_REJECTED when it is missing.
   */
  static async find(
    hive: HiveClient,
    table: TableName,
    clock: Clock,
    signal: AbortSignal,
  ): Promise<MetastoreLedger> {
    const own = { database: table.database, name: `${table.name}_ledger` };
    const hint =
      'A consumer creates it at its first start. If it was dropped, the next start would write every record again.';
    await describeStanding(hive, own, hint, signal);
    return new MetastoreLedger(hive, own, clock);
  }

  /** Creates the ledger's table when missing, below `location`. Throws HIVE_*. */
  async open(location: string, signal: AbortSignal): Promise<void> {
    const found = await ensureTable(
      this.#hive,
      {
        ...this.#table,
        columns: [{ name: 'nothing', type: 'string' }],
        partitionColumns: [
          { name: 'topic', type: 'string' },
          { name: 'part', type: 'int' },
          { name: 'start_offset', type: 'string' },
        ],
        format: 'parquet',
        location,
        properties: {},
      },
      signal,
    );
    this.#base = locationOf(found);
  }

  async origin(of: TopicPartition, wished: bigint, signal: AbortSignal): Promise<bigint> {
    const content = formatOrigin(of, wished, this.#clock.now());
    await this.#add(of, ORIGIN, `at-${wished}`, content, signal);
    const standing = await this.readOrigin(of, signal);
    if (standing === undefined) throw this.#notYet(of, 'first position');
    return standing;
  }

  async readOrigin(of: TopicPartition, signal: AbortSignal): Promise<bigint | undefined> {
    const found = await this.#read(of, ORIGIN, signal);
    return found && parseOrigin(found.content, of, found.location);
  }

  async commit(record: BatchRecord, signal: AbortSignal): Promise<BatchRecord> {
    const label = `end-${record.end}_rows-${record.rows}_attempt-${record.attempt}`;
    const isOurs = await this.#add(record, record.start, label, formatEntry(record), signal);
    const standing = isOurs ? record : await this.read(record, record.start, signal);
    // Only now: a name that a roll-up has freed could be taken again.
    await this.#newest.refuse(record, signal);
    if (standing === undefined) throw this.#notYet(record, `entry at ${record.start}`);
    return standing;
  }

  async read(
    of: TopicPartition,
    start: bigint,
    signal: AbortSignal,
  ): Promise<BatchRecord | undefined> {
    const found = await this.#read(of, start, signal);
    return found && parseEntry(found.content, of, start, found.location);
  }

  async rolledUp(of: TopicPartition, signal: AbortSignal): Promise<RollUp | undefined> {
    return this.#newest.of(of, signal);
  }

  async rollUp(record: RollUp, signal: AbortSignal): Promise<boolean> {
    const label = `end-${record.end}_rows-${record.rows}_entries-${record.entries}`;
    return this.#add(record, `roll-up-${record.number}`, label, formatRollUp(record), signal);
  }

  async forget(of: TopicPartition, starts: readonly bigint[], signal: AbortSignal): Promise<void> {
    for (let end = starts.length; end > 0; end -= DROPS_MAX) {
      const clauses = starts
        .slice(Math.max(0, end - DROPS_MAX), end)
        .map((start) => partitionClause(partitionSpec(of, start)));
      const sql = `ALTER TABLE ${quoteTable(this.#table)} DROP IF EXISTS ${clauses.join(', ')}`;
      await this.#hive.execute(sql, signal);
    }
  }

  async partitions(signal: AbortSignal): Promise<TopicPartition[]> {
    const clause = partitionClause({ start_offset: ORIGIN });
    const rows = await this.#hive.query(
      `SHOW PARTITIONS ${quoteTable(this.#table)} ${clause}`,
      signal,
    );
    return rows.map((row) => {
      const name = String(Object.values(row)[0]);
      const [, topic, partition] = /^topic=(.+)\/part=(\d+)\//.exec(name) ?? [];
      invariant(topic !== undefined, `a partition of the ledger is called ${name}`);
      return { topic, partition: Number(partition) };
    });
  }

  /** Notes that the rows of the entry at `start` are where readers look. For the writer of the table only. */
  async markPlaced(of: TopicPartition, start: bigint, signal: AbortSignal): Promise<void> {
    const table = `${quoteTable(this.#table)} ${partitionClause(partitionSpec(of, start))}`;
    const property = `${quoteString(PLACED)}=${quoteString('true')}`;
    await this.#hive.execute(`ALTER TABLE ${table} SET SERDEPROPERTIES (${property})`, signal);
  }

  /** True after `markPlaced`. */
  async isPlaced(of: TopicPartition, start: bigint, signal: AbortSignal): Promise<boolean> {
    const spec = partitionSpec(of, start);
    const found = await describePartition(this.#hive, this.#table, spec, signal);
    return found?.properties.get(PLACED) === 'true';
  }

  /** True when the entry is ours; false when one stood there already (perhaps ours, from a lost answer). */
  async #add(
    of: TopicPartition,
    name: Name,
    label: string,
    content: Buffer,
    signal: AbortSignal,
  ): Promise<boolean> {
    invariant(this.#base !== undefined, 'the ledger is open for writing');
    const base = `${this.#base}/${of.topic}/${of.partition}/${name}`;
    const location = writeLocation(base, label, content);
    if (location.length > LOCATION_MAX) {
      throw new PipelineError(
        'HIVE_REJECTED',
        `The ledger entry of ${formatTopicPartition(of)} at ${name} is too long for the metastore (${location.length} characters)`,
        { hint: 'The batch spreads over too many days: set a smaller params.batch.size.' },
      );
    }
    const clause = partitionClause(partitionSpec(of, name));
    try {
      await this.#hive.execute(
        `ALTER TABLE ${quoteTable(this.#table)} ADD ${clause} LOCATION ${quoteString(location)}`,
        signal,
      );
      return true;
    } catch (error) {
      if (isAlreadyThere(error)) return false;
      throw error;
    }
  }

  async #read(
    of: TopicPartition,
    name: Name,
    signal: AbortSignal,
  ): Promise<{ content: Buffer; location: string } | undefined> {
    const spec = partitionSpec(of, name);
    const found = await describePartition(this.#hive, this.#table, spec, signal);
    if (found === undefined) return undefined;
    const location = found.facts.get('Location') ?? '';
    const content = readLocation(location);
    if (content) return { content, location };
    throw new PipelineError(
      'POSITION_CORRUPT',
      `The ledger entry of ${formatTopicPartition(of)} at ${name} in ${this.#table.database}.${this.#table.name} cannot be read`,
      {
        hint: 'Entries are never changed: find out who altered this table partition. Do not drop it, its records would be written twice.',
        context: { location },
      },
    );
  }

  // The metastore said that it is there, but does not show it: the other writer's transaction may still be open, or
  // was rolled back.
  #notYet(of: TopicPartition, what: string): PipelineError {
    return new PipelineError(
      'SINK_OUTCOME_UNKNOWN',
      `The ${what} of ${formatTopicPartition(of)} is being written by another process`,
      {
        hint: `The step is repeated. If this lasts, see whether somebody drops partitions of ${this.#table.database}.${this.#table.name}.`,
      },
    );
  }
}
