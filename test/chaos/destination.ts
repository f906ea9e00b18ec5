// Where the rows of a schedule end, as the checker sees it: a Hive table (hive-table.ts) or the tree of an hdfs-consumer
// (location-tree.ts).
import type { Ledger } from '../../pipeline/ledger.ts';

export interface TableRow {
  readonly file: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly id: string | null;
  readonly text: string | null;
}

/** Where the rows of a schedule end. */
export interface Destination {
  /** `database.table`, or the base path. */
  readonly name: string;
  readonly ledger: Ledger;
  /** In the order in which they stand in their files. */
  rows(): Promise<TableRow[]>;
  /** Staged pieces. */
  leftovers(): Promise<string[]>;
}
