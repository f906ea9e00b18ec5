// docs/cases.md: which test shows which failure case. The cases stand in test/cases.json; a test shows a case by naming
// its id in its title.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Case {
  readonly id: string;
  /** What happens, and what must hold then. */
  readonly case: string;
  /** Where it was seen: the tests or issues of another system. */
  readonly seenIn: string;
  /** Why nothing here can come into this case. */
  readonly doesNotApply?: string;
}

interface CaseTest {
  readonly file: string;
  readonly title: string;
}

const TITLE = /\b(?:test|it|describe)\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/g;
const ID = /\b([A-Z])(\d\d)(?:-[A-Z]?(\d\d))?\b/g;

export function readCases(root: string): Case[] {
  return JSON.parse(readFileSync(join(root, 'test/cases.json'), 'utf8')) as Case[];
}

/** The ids that a title names before its colon: `Z01 T01-T04: ...` names five. */
export function idsIn(title: string): string[] {
  const head = title.slice(0, Math.max(0, title.indexOf(':')));
  return [...head.matchAll(ID)].flatMap(([, letter = '', first = '', last = first]) =>
    Array.from(
      { length: Number(last) - Number(first) + 1 },
      (_, index) => `${letter}${String(Number(first) + index).padStart(2, '0')}`,
    ),
  );
}

/** Id → the tests whose titles name it, in order of their files. */
export function testsByCase(root: string): Map<string, CaseTest[]> {
  const found = new Map<string, CaseTest[]>();
  const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' });
  for (const name of files.filter((file) => /\.(test|contract)\.ts$/.test(file)).sort()) {
    const file = join('test', name);
    for (const [, , title = ''] of readFileSync(join(root, file), 'utf8').matchAll(TITLE)) {
      for (const id of idsIn(title)) found.set(id, [...(found.get(id) ?? []), { file, title }]);
    }
  }
  return found;
}

/** One row a case: what must hold, and its tests as links, or why it does not apply. */
export function caseRows(root: string): string[][] {
  const tests = testsByCase(root);
  return readCases(root).map(({ id, case: text, seenIn, doesNotApply }) => [
    id,
    text,
    doesNotApply ? `Does not apply. ${doesNotApply}` : links(tests.get(id) ?? []),
    seenIn,
  ]);
}

function links(tests: readonly CaseTest[]): string {
  const files = [...new Set(tests.map(({ file }) => file))];
  return files.map((file) => `[${file.replace('test/', '')}](../${file})`).join(', ');
}
