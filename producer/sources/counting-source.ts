// What every source of the producer is: the contract, and an account of what it did not yield.
import type { Source } from '../../pipeline/source.ts';

export interface CountingSource<Cursor = unknown> extends Source<Cursor> {
  /** What was read and not yielded on purpose, so far. */
  readonly leftOut: number;
}
