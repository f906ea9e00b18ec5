// The external Hive table over the tree of the hdfs-consumer: one table partition (country, city) per location, lying where
// its files lie. Knows nothing of batches: whoever places files asks for the location first.
import type { FileSystem } from '../../clients/files/file-system.ts';
import { type Located, openLocation } from '../../clients/files/location.ts';
import { partitionClause, quoteTable, type TableName } from '../../clients/hive/describe.ts';
import { isAlreadyThere } from '../../clients/hive/errors.ts';
import { quoteString } from '../../clients/hive/quoting.ts';
import { HiveClient } from '../../clients/hive/session.ts';
import type { Settings } from '../../params/schema.ts';
import { PipelineError, Stopping } from '../../pipeline/errors.ts';
import type { CommandDeps } from '../../pipeline/lifecycle.ts';
import { type Deferred, deferred, withTimeout } from '../../pipeline/retry.ts';
import { claimLedger, ensureTable } from './hive-table.ts';
import { standingLocations } from './standing-locations.ts';

/**
 * The fields of the flat record. `city` and `country` are missing: a table has each name once, and as table partitions they
 * are what the directories say, `Paris` and `FR`.
 */
const COLUMNS = [
  // As it stands in the record: the SerDe makes NULL of an ISO time in a column of type timestamp.
  { name: 'timestamp', type: 'string' },
  { name: 'country_code', type: 'string' },
  { name: 'temperature', type: 'double' },
  { name: 'windspeed', type: 'double' },
  { name: 'weather_code', type: 'double' },
  { name: 'wind_alert_level', type: 'string' },
  { name: 'heat_alert_level', type: 'string' },
  { name: 'location', type: 'string' },
  { name: 'latitude', type: 'double' },
  { name: 'longitude', type: 'double' },
  { name: 'timezone', type: 'string' },
  { name: 'kafka_topic', type: 'string' },
  { name: 'kafka_partition', type: 'int' },
  { name: 'kafka_offset', type: 'bigint' },
] as const;
const PARTITION_COLUMNS = [
  { name: 'country', type: 'string' },
  { name: 'city', type: 'string' },
] as const;

/** Table partitions that one statement adds. */
const ADDED_AT_ONCE = 200;
/** Two processes that add one location at once: the metastore lets one win and undoes the other's statement. */
const ATTEMPTS = 5;
/** Longer than any statement may take. */
const WAIT_MS = 15 * 60_000;

export class LocationTable {
  readonly #files: FileSystem;
  /** The same place as `#base`, for `#files`. */
  readonly #path: string;
  readonly #hive: HiveClient;
  readonly #table: TableName;
  /** Where the tree begins, as HiveServer2 shall see it. */
  readonly #base: string;
  readonly #known = new Set<string>();
  readonly #waiting = new Map<string, Deferred<void>>();
  readonly #closing = new AbortController();
  #adding = false;

  private constructor({ files, path }: Located, hive: HiveClient, table: TableName, base: string) {
    this.#files = files;
    this.#path = path;
    this.#hive = hive;
    this.#table = table;
    this.#base = base;
  }

  /**
   * Creates or checks the table `name` over `base` (`hdfs://host:port/path`, `webhdfs://...`, `file:/path` or `/path`), and
   * adds the locations that lie there already. Throws HIVE_*, HDFS_*, FILES_REJECTED.
   */
  static async open(
    { params, config }: Settings,
    { name, base }: { readonly name: string; readonly base: string },
    { log, clock, signal }: CommandDeps,
  ): Promise<LocationTable> {
    const located = openLocation(base, config.hdfs);
    const hive = await HiveClient.open(config.hive, { log, clock }, signal);
    const table = { database: params.table.database, name };
    const location = base.startsWith('/') ? `file:${located.path}` : base.replace(/\/+$/, '');
    const opened = new LocationTable(located, hive, table, location);
    try {
      await opened.#create(signal);
      await opened.#addStanding(signal);
      return opened;
    } catch (error) {
      await opened.close();
      throw error;
    }
  }

  /**
   * Makes `location` (`FR/Paris`) a table partition; what is known costs nothing. Calls at the same time share statements.
   * Throws HIVE_UNAVAILABLE, HIVE_REJECTED; may be repeated.
   */
  async add(location: string, signal: AbortSignal): Promise<void> {
    if (this.#known.has(location)) return;
    const waiting = this.#waiting.get(location) ?? deferred<void>();
    this.#waiting.set(location, waiting);
    if (!this.#adding) void this.#addWaiting();
    const late = () =>
      new PipelineError('HIVE_UNAVAILABLE', `no table partition for ${location} in time`);
    await withTimeout(waiting.promise, WAIT_MS, late, signal);
  }

  async close(): Promise<void> {
    this.#closing.abort(new Stopping('the table is closed'));
    await this.#hive.close();
    this.#files.close();
  }

  async #create(signal: AbortSignal): Promise<void> {
    await this.#files.makeDirectory(this.#path, signal);
    const definition = {
      ...this.#table,
      columns: [...COLUMNS],
      partitionColumns: [...PARTITION_COLUMNS],
      format: 'json',
      location: this.#base,
      properties: {},
    } as const;
    const found = await ensureTable(this.#hive, definition, signal);
    // So that `verify` finds it: it lies below the base path, where the table lies.
    await claimLedger(this.#hive, this.#table, found, 'files', signal);
  }

  /** What lay below the base before the table, or came while nobody had it open. */
  async #addStanding(signal: AbortSignal): Promise<void> {
    const sql = `SHOW PARTITIONS ${quoteTable(this.#table)}`;
    for (const shown of await this.#hive.query(sql, signal)) {
      this.#known.add(shownLocation(String(Object.values(shown)[0])));
    }
    const standing = await standingLocations(this.#files, this.#path, signal);
    await Promise.all(standing.map((each) => this.add(each, signal)));
  }

  /** Under a signal of its own: one caller that gives up must not take the others' statement with it. */
  async #addWaiting(): Promise<void> {
    const { signal } = this.#closing;
    this.#adding = true;
    // Those who ask in the same turn come along.
    await Promise.resolve();
    while (this.#waiting.size > 0) {
      const taken = [...this.#waiting].slice(0, ADDED_AT_ONCE);
      for (const [location] of taken) this.#waiting.delete(location);
      try {
        await this.#execute(
          taken.map(([location]) => location),
          signal,
        );
        for (const [location, waiting] of taken) {
          this.#known.add(location);
          waiting.resolve();
        }
      } catch (error) {
        for (const [, waiting] of taken) waiting.reject(error);
      }
    }
    this.#adding = false;
  }

  async #execute(locations: readonly string[], signal: AbortSignal): Promise<void> {
    // A directory that HiveServer2 makes would be its own, and perhaps closed to us.
    for (const location of locations) {
      await this.#files.makeDirectory(`${this.#path}/${location}`, signal);
    }
    const clauses = locations.map((location) => {
      const [country = '', city = ''] = location.split('/');
      const where = quoteString(`${this.#base}/${location}`);
      return `${partitionClause({ country, city })} LOCATION ${where}`;
    });
    const sql = `ALTER TABLE ${quoteTable(this.#table)} ADD IF NOT EXISTS ${clauses.join(' ')}`;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#hive.execute(sql, signal);
      } catch (error) {
        if (!isAlreadyThere(error) || attempt === ATTEMPTS) throw error;
      }
    }
  }
}

/** `country=FR/city=L%27Isle` as SHOW PARTITIONS prints it: ASCII that paths may not hold is escaped by its code. */
function shownLocation(shown: string): string {
  return shown
    .split('/')
    .map((part) => part.slice(part.indexOf('=') + 1))
    .map((part) =>
      part.replace(/%([0-9A-Fa-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    )
    .join('/');
}
