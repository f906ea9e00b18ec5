// Turns what the schema objects to into problems that say what to write, at the place where it was written.
import type { z } from 'zod';
import type { Draft, Place, Problem } from './draft.ts';
import { expectation, isList, SETTING_KEYS, schemaAt } from './keys.ts';
import { originalKeyHint } from './originals.ts';
import { nearest } from './suggest.ts';

/** The problems behind a failed parse of `draft.root`. Values are never repeated: one could be a secret. */
export function judge(draft: Draft, issues: readonly z.core.$ZodIssue[]): Problem[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map(String);
    return issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => unknownKey(draft, path, key))
      : [
          {
            place: placeOf(draft, path),
            key: path.join('.'),
            message: message(draft, path, issue),
          },
        ];
  });
}

/** Where `path` was written; the file itself when a value is missing that nobody wrote around. */
function placeOf(draft: Draft, path: readonly string[]): Place {
  return draft.placeOf(path) ?? { kind: 'file', name: `${draft.file}.json` };
}

function unknownKey(draft: Draft, parents: readonly string[], key: string): Problem {
  const path = [...parents, key];
  const place = placeOf(draft, path);
  const original = parents.length === 0 ? originalKeyHint(key, draft.root) : undefined;
  if (original) return { place, key: path.join('.'), message: `is an old name; ${original}` };
  return { place, key: path.join('.'), message: `unknown key${suggestion(draft, parents, key)}` };
}

function suggestion(draft: Draft, parents: readonly string[], key: string): string {
  const siblings = Object.keys(schemaAt(draft.file, parents)?.properties ?? {});
  const near = nearest(key, siblings);
  if (near) return `; did you mean ${near}?`;
  const name = [...parents, key].join('.');
  const elsewhere = SETTING_KEYS.find(
    ({ path, file }) => file !== draft.file && (path === name || path.startsWith(`${name}.`)),
  );
  if (elsewhere) return `; it belongs into ${elsewhere.file}.json`;
  const other = nearest(
    name,
    SETTING_KEYS.map(({ path }) => path),
  );
  return other ? `; did you mean ${other}?` : '';
}

function message(draft: Draft, path: readonly string[], issue: z.core.$ZodIssue): string {
  const node = schemaAt(draft.file, path);
  const raw = draft.at(path);
  if (raw === undefined) return `is missing: expected ${node ? expectation(node) : 'a value'}`;
  if (issue.code === 'invalid_format') {
    return issue.format === 'url'
      ? 'expected an address such as http://host:port'
      : sentence(issue.message);
  }
  if (issue.code === 'custom') return sentence(issue.message);
  if (issue.code === 'too_small' && node && isList(node)) return 'expected at least one';
  const expected = node ? expectation(node) : 'another value';
  return `expected ${expected}${unitHint(path.at(-1) ?? '', raw)}`;
}

const sentence = (text: string) => (text === '' ? 'is not valid' : text);

const FACTORS: Readonly<Record<string, readonly [of: 'time' | 'bytes', factor: number]>> = {
  ms: ['time', 1],
  s: ['time', 1000],
  sec: ['time', 1000],
  m: ['time', 60_000],
  min: ['time', 60_000],
  h: ['time', 3_600_000],
  d: ['time', 86_400_000],
  b: ['bytes', 1],
  k: ['bytes', 1024],
  kb: ['bytes', 1024],
  kib: ['bytes', 1024],
  mb: ['bytes', 1024 ** 2],
  mib: ['bytes', 1024 ** 2],
  gb: ['bytes', 1024 ** 3],
  gib: ['bytes', 1024 ** 3],
};

/** The unit a setting counts in, and what `"30s"` or `"32 MB"` would be in it. */
function unitHint(name: string, raw: unknown): string {
  const unit = unitOf(name);
  const match = typeof raw === 'string' ? /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(raw) : null;
  if (match && match[2] === '') return `${unit ? ` (${unit.name})` : ''}, without quotes`;
  if (!unit) return '';
  const factor = FACTORS[match?.[2]?.toLowerCase() ?? ''];
  if (!match || factor?.[0] !== unit.of) return ` (${unit.name})`;
  return ` (${unit.name}): ${(Number(match[1]) * factor[1]) / unit.size} for ${match[0]}`;
}

function unitOf(name: string) {
  if (/Ms(Max)?$/.test(name)) return { name: 'milliseconds', of: 'time', size: 1 } as const;
  if (/Minutes$/.test(name)) return { name: 'minutes', of: 'time', size: 60_000 } as const;
  if (/[bB]ytesMax$/.test(name)) return { name: 'bytes', of: 'bytes', size: 1 } as const;
  return undefined;
}
