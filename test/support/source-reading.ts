// Reads a source until a test has seen enough.
import { Stopping } from '../../pipeline/errors.ts';
import type { Source, SourceRecord } from '../../pipeline/source.ts';

const DEADLINE_MS = 60_000;

/**
 * The records by id, the first of each, read until `enough` of the ones so far; it is asked after each record, also of one
 * that came again. What was read within a minute when it never is.
 */
export async function readUntil<Cursor>(
  source: Source<Cursor>,
  after: Cursor | undefined,
  enough: (
    seen: ReadonlyMap<string, SourceRecord<Cursor>>,
    last: SourceRecord<Cursor>,
  ) => boolean | Promise<boolean>,
): Promise<Map<string, SourceRecord<Cursor>>> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(new Stopping('too late')), DEADLINE_MS);
  const seen = new Map<string, SourceRecord<Cursor>>();
  try {
    for await (const item of source.read(after, stop.signal)) {
      if (item.id !== undefined && !seen.has(item.id)) seen.set(item.id, item);
      if (await enough(seen, item)) break;
    }
    return seen;
  } finally {
    clearTimeout(timer);
    stop.abort(new Stopping('read'));
  }
}
