// Moves staged rows into their table partition by LOAD DATA, and makes sure that all of them went.
import { partitionClause, quoteTable, type TableName } from '../../clients/hive/describe.ts';
import { quoteName, quoteString } from '../../clients/hive/quoting.ts';
import type { HiveClient } from '../../clients/hive/session.ts';
import { isCode } from '../../pipeline/errors.ts';
import type { BatchRecord, StagedFile } from '../../pipeline/ledger.ts';
import { DAY_COLUMN } from '../../pipeline/table.ts';

const NOTHING_TO_LOAD = /No files matching path|Invalid path|does not exist/i;

/**
 * Hive takes a free name in the target and renames without looking whether that worked: a file that met another one in its
 * name stays behind, and no error says so. So only "nothing left to load" ends a move, and within one process
 * one LOAD runs at a time.
 */
export class LoadData {
  readonly #hive: HiveClient;
  readonly #table: TableName;
  #last: Promise<unknown> = Promise.resolve();

  constructor(hive: HiveClient, table: TableName) {
    this.#hive = hive;
    this.#table = table;
  }

  /**
   * Moves all files of directory `source` into the table partition of `file`. False: there were none, so somebody else has
   * moved them or is just doing so. Throws HIVE_*; may be repeated then.
   */
  async move(file: StagedFile, source: string, signal: AbortSignal): Promise<boolean> {
    const day = partitionClause({ [DAY_COLUMN]: file.tablePartition });
    const into = `${quoteTable(this.#table)} ${day}`;
    const load = `LOAD DATA INPATH ${quoteString(source)} INTO TABLE ${into}`;
    for (let moved = false; ; moved = true) {
      try {
        await this.#inTurn(() => this.#hive.execute(load, signal));
      } catch (error) {
        if (isCode(error, 'HIVE_REJECTED') && NOTHING_TO_LOAD.test(error.message)) return moved;
        throw error;
      }
    }
  }

  /** Rows of `record` in the table partition of `file`. Counted here: a plain SELECT needs no job that could fail in silence. */
  async countRows(record: BatchRecord, file: StagedFile, signal: AbortSignal): Promise<number> {
    const conditions = [
      `${quoteName(DAY_COLUMN)} = ${quoteString(file.tablePartition)}`,
      `kafka_topic = ${quoteString(record.topic)}`,
      `kafka_partition = ${record.partition}`,
      `kafka_offset >= ${record.start} AND kafka_offset < ${record.end}`,
    ];
    const table = quoteTable(this.#table);
    const sql = `SELECT kafka_offset FROM ${table} WHERE ${conditions.join(' AND ')}`;
    return (await this.#hive.query(sql, signal)).length;
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(step);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
