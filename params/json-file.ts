// Reads one settings file: JSON with comments, every value with its line and column, duplicate keys reported.
import { readFileSync, statSync } from 'node:fs';
import { type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import { Draft, type Place, type Problem, type RawObject, rawObject } from './draft.ts';
import type { SettingsFile } from './keys.ts';

export interface FileDraft {
  readonly draft: Draft;
  readonly problems: Problem[];
  /** The file could not be read or is not JSON. */
  readonly broken: boolean;
  /** Other users of this machine may read the file. */
  readonly readableByOthers: boolean;
}

const SYNTAX: Readonly<Record<string, string>> = {
  InvalidSymbol: 'unexpected text; strings stand in double quotes',
  InvalidNumberFormat: 'a malformed number',
  PropertyNameExpected: 'a property name in double quotes is expected here',
  ValueExpected: 'a value is expected here',
  ColonExpected: 'a colon is expected here',
  CommaExpected: 'a comma is expected here',
  CloseBraceExpected: 'a closing } is expected here',
  CloseBracketExpected: 'a closing ] is expected here',
  EndOfFileExpected: 'the file should end here',
  UnexpectedEndOfString: 'a string without its closing quote',
  UnexpectedEndOfComment: 'a comment without its end',
};

/** Reads `path` (resolved by the caller); `shown` is how messages call it. */
export function readJsonFile(file: SettingsFile, path: string, shown: string): FileDraft {
  const draft = new Draft(file);
  const whole: Place = { kind: 'file', name: shown };
  const fail = (message: string): FileDraft => ({
    draft,
    problems: [{ place: whole, key: '', message }],
    broken: true,
    readableByOthers: false,
  });
  let text: string;
  let mode: number;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
    mode = statSync(path).mode;
  } catch (error) {
    return fail(whyUnreadable(error));
  }
  return { ...parseJson(draft, text, shown), readableByOthers: (mode & 0o004) !== 0 };
}

/** The values and places of `text`, put into `draft`. */
function parseJson(draft: Draft, text: string, shown: string) {
  const locate = locator(text, shown);
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { allowTrailingComma: false });
  const first = errors[0];
  if (first || tree?.type !== 'object') {
    const message = first
      ? `not JSON: ${SYNTAX[printParseErrorCode(first.error)] ?? 'unexpected text'}`
      : 'expected an object: { ... }';
    const place = locate(first?.offset ?? tree?.offset ?? 0);
    return { draft, problems: [{ place, key: '', message }], broken: true };
  }
  const problems: Problem[] = [];
  draft.mark([], locate(tree.offset));
  draft.root = readObject(tree, [], { draft, problems, locate });
  return { draft, problems, broken: false };
}

interface Walk {
  readonly draft: Draft;
  readonly problems: Problem[];
  readonly locate: (offset: number) => Place;
}

function readValue(node: Node, path: readonly string[], walk: Walk): unknown {
  if (node.type === 'object') return readObject(node, path, walk);
  if (node.type !== 'array') return node.value;
  return (node.children ?? []).map((child, index) => {
    const at = [...path, String(index)];
    walk.draft.mark(at, walk.locate(child.offset));
    return readValue(child, at, walk);
  });
}

function readObject(node: Node, path: readonly string[], walk: Walk): RawObject {
  const result = rawObject();
  for (const property of node.children ?? []) {
    const [keyNode, valueNode] = property.children ?? [];
    if (!keyNode || !valueNode) continue;
    const key = String(keyNode.value);
    const at = [...path, key];
    const place = walk.locate(keyNode.offset);
    if (Object.hasOwn(result, key)) {
      const before = walk.draft.exactPlace(at);
      const message = `written twice, first in line ${before?.line}; keep one`;
      walk.problems.push({ place, key: at.join('.'), message });
      continue;
    }
    walk.draft.mark(at, place);
    result[key] = readValue(valueNode, at, walk);
  }
  return result;
}

/** Offset → line and column from 1; columns count characters as an editor does. */
function locator(text: string, name: string): (offset: number) => Place {
  const starts = [0];
  for (const match of text.matchAll(/\r\n|\n|\r/g)) starts.push(match.index + match[0].length);
  return (offset) => {
    let line = starts.findLastIndex((start) => start <= offset);
    line = Math.max(line, 0);
    const column = [...text.slice(starts[line], offset)].length + 1;
    return { kind: 'file', name, line: line + 1, column };
  };
}

function whyUnreadable(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EACCES') return 'no right to read it';
  if (code === 'EISDIR') return 'a directory, not a file';
  if (error instanceof TypeError) return 'not UTF-8 text';
  return `cannot be read (${code ?? 'unknown reason'})`;
}
