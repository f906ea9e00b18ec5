// Where a read of X goes on after a restart.
import { parseId } from '../../clients/twitter/snowflake.ts';
import { PipelineError } from '../../pipeline/errors.ts';
import type { XSpent } from './x-budget.ts';

export interface XCursor {
  /** Every post up to this id was yielded. Of a post, or of a time: ids hold theirs. */
  readonly id: string;
  /** Posts read on the day of the cursor, for `limits.postsPerDay`. Missing in cursors of earlier versions. */
  readonly spent?: XSpent;
}

/** Throws POSITION_CORRUPT. */
export function parseXCursor(saved: unknown): XCursor {
  const { id, spent } = Object(saved) as Partial<XCursor>;
  if (id !== undefined && parseId(id) !== undefined) {
    if (spent === undefined) return { id };
    const { day, posts } = Object(spent) as Partial<XSpent>;
    if (typeof day === 'string' && Number.isSafeInteger(posts)) return { id, spent };
  }
  throw new PipelineError('POSITION_CORRUPT', 'what was saved is no cursor of the source x', {
    hint: 'Start with `--from-start` to ignore it: posts from now on are read.',
  });
}
