// Paths of columns (`id`, `location.city`, `"a.b".c`) and what lies at one.
import { isJsonObject } from '../../pipeline/codec.ts';
import { PipelineError } from '../../pipeline/errors.ts';

/** Keys from the top of the JSON value down. */
export type ColumnPath = readonly string[];

const SEGMENT = /"(?:[^"\\]|\\.)*"|[^."]+/y;

/**
 * Keys are divided by dots; a key that holds a dot or a quote itself, or is `$`, is written as a JSON string:
 * `"a.b".c`. Throws CONFIG_INVALID.
 */
export function parsePath(path: string): ColumnPath {
  const keys: string[] = [];
  for (let at = 0; at <= path.length; at += 1) {
    SEGMENT.lastIndex = at;
    const segment = SEGMENT.exec(path)?.[0];
    if (segment === undefined) throw invalid(path);
    keys.push(segment.startsWith('"') ? unquote(segment, path) : segment);
    at += segment.length;
    if (at < path.length && path[at] !== '.') throw invalid(path);
  }
  return keys;
}

/** What lies at `path`; undefined when a key is missing or something on the way is no object. */
export function valueAt(json: unknown, path: ColumnPath): unknown {
  let at = json;
  for (const key of path) at = isJsonObject(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  return at;
}

function unquote(segment: string, path: string): string {
  try {
    return JSON.parse(segment);
  } catch {
    throw invalid(path);
  }
}

function invalid(path: string): PipelineError {
  return new PipelineError('CONFIG_INVALID', `a column path cannot be read: ${path}`, {
    hint: 'Write keys divided by dots; a key that holds a dot is quoted: "a.b".c',
  });
}
