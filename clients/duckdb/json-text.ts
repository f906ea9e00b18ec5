// The JSON text of a part of a value as it was sent: `JSON.parse` loses the digits of large numbers and the spelling of all.
// Every text given here must be valid JSON.
import type { ColumnPath } from './column-path.ts';

/** The JSON text at `path`; undefined when a key is missing or something on the way is no object. The last of duplicate keys counts. */
export function jsonTextAt(text: string, path: ColumnPath): string | undefined {
  let at: string | undefined = text.slice(skipSpace(text, 0));
  for (const key of path) {
    if (!at?.startsWith('{')) return undefined;
    at = jsonField(at, key);
  }
  return at;
}

/** JSON text of each element of an array. */
export function jsonElements(text: string): string[] {
  const elements: string[] = [];
  let at = skipSpace(text, 1);
  while (at < text.length && text[at] !== ']') {
    const end = endOfValue(text, at);
    elements.push(text.slice(at, end));
    at = skipSpace(text, end);
    if (text[at] === ',') at = skipSpace(text, at + 1);
  }
  return elements;
}

function jsonField(text: string, wanted: string): string | undefined {
  let found: string | undefined;
  let at = skipSpace(text, 1);
  while (text[at] === '"') {
    const keyEnd = endOfString(text, at);
    const begin = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = endOfValue(text, begin);
    if (JSON.parse(text.slice(at, keyEnd)) === wanted) found = text.slice(begin, end);
    at = skipSpace(text, end);
    if (text[at] === ',') at = skipSpace(text, at + 1);
  }
  return found;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  // In valid JSON everything up to the space character is white space here; a byte order mark may come first.
  while (text.charCodeAt(at) <= 0x20 || text.charCodeAt(at) === 0xfeff) at += 1;
  return at;
}

function endOfString(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text[at - 1 - slashes] === '\\') slashes += 1;
    if (slashes % 2 === 0) return at + 1;
  }
  return text.length;
}

const SCALAR = /[^\s,\]}]*/y;
const STRUCTURE = /["{}[\]]/g;

// Iterative, so that 10,000 levels are no danger to the stack.
function endOfValue(text: string, from: number): number {
  const first = text[from];
  if (first === '"') return endOfString(text, from);
  if (first !== '{' && first !== '[') {
    SCALAR.lastIndex = from;
    return from + (SCALAR.exec(text)?.[0].length ?? 0);
  }
  let depth = 0;
  let at = from;
  do {
    STRUCTURE.lastIndex = at;
    const mark = STRUCTURE.exec(text);
    if (!mark) return text.length;
    if (mark[0] === '{' || mark[0] === '[') depth += 1;
    else if (mark[0] !== '"') depth -= 1;
    at = mark[0] === '"' ? endOfString(text, mark.index) : mark.index + 1;
  } while (depth > 0);
  return at;
}
