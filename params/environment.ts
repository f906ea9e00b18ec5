// Reads settings from environment variables and from flags, both of which are text, into the drafts.
import { readFileSync } from 'node:fs';
import { describe, PipelineError } from '../pipeline/errors.ts';
import type { Draft, Place, Problem } from './draft.ts';
import {
  isList,
  mayHoldSecret,
  SETTING_KEYS,
  type SettingKey,
  type SettingsFile,
  settingKey,
} from './keys.ts';
import { ORIGINAL_VARIABLES } from './originals.ts';
import { Secret } from './secret.ts';
import { nearest } from './suggest.ts';

export type Environment = Readonly<Record<string, string | undefined>>;
export type Drafts = Readonly<Record<SettingsFile, Draft>>;

/** A setting given on the command line; `flag` is the name a message points at. */
export interface FlagValue {
  readonly key: string;
  readonly value: string | readonly string[];
  readonly flag: string;
}

/** Variables that are no settings: where the files are, and what tests, the stack and the demo ask for. */
const OTHER_VARIABLES = /^KH_(PARAMS|CONFIG|(TEST|STACK|DEMO|BENCH|CRASH)(_.*)?)$/;

/** Overlays the environment. An empty variable counts as not set; an unknown `KH_` variable is a problem. */
export function applyEnvironment(drafts: Drafts, env: Environment): Problem[] {
  const problems: Problem[] = [];
  for (const { name, values, expected } of ORIGINAL_VARIABLES) {
    const text = env[name];
    if (!text) continue;
    const place: Place = { kind: 'env', name };
    const found = values(text);
    if (!found) problems.push({ place, key: '', message: `expected ${expected}` });
    for (const [path, value] of Object.entries(found ?? {})) putText(drafts, path, value, place);
  }
  const known = new Map<string, (text: string, place: Place) => Problem | undefined>();
  for (const key of SETTING_KEYS) {
    known.set(key.env, (text, place) => putText(drafts, key.path, text, place));
    if (key.secret)
      known.set(`${key.env}_FILE`, (path, place) => putFile(drafts, key, path, place));
  }
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith('KH_') || OTHER_VARIABLES.test(name) || !text) continue;
    const place: Place = { kind: 'env', name };
    const put = known.get(name);
    const problem = put ? put(text, place) : unknownVariable(place, known.keys());
    if (problem) problems.push(problem);
    else if (name.endsWith('_FILE') && env[name.slice(0, -5)] && known.has(name.slice(0, -5))) {
      problems.push({ place, key: '', message: `set this or ${name.slice(0, -5)}, not both` });
    }
  }
  return problems;
}

/** Overlays flags. Secrets are refused: every user of a machine may read the command lines on it. */
export function applyFlags(drafts: Drafts, flags: readonly FlagValue[]): Problem[] {
  return flags.flatMap(({ key: path, value, flag }) => {
    const place: Place = { kind: 'flag', name: flag };
    const key = settingKey(path);
    if (key && mayHoldSecret(key.node)) {
      const instead = key.secret ? `${key.env} or ${key.env}_FILE` : key.env;
      const message = `a secret is not taken from the command line, where others can read it; set ${instead}`;
      return [{ place, key: path, message }];
    }
    if (!key) {
      return [{ place, key: path, message: unknownPath(path) }];
    }
    if (typeof value === 'string') return putText(drafts, path, value, place) ?? [];
    drafts[key.file].put(path.split('.'), [...value], place);
    return [];
  });
}

function unknownPath(path: string): string {
  const paths = SETTING_KEYS.map((setting) => setting.path);
  const inside = paths.find((known) => known.startsWith(`${path}.`));
  if (inside) return `a section; name one of its settings, such as ${inside}`;
  const near = nearest(path, paths);
  return `unknown key${near ? `; did you mean ${near}?` : ''}`;
}

/** The pairs of `--set path=value`; the value may hold further `=`. */
export function parseSet(pairs: readonly string[]): { flags: FlagValue[]; problems: Problem[] } {
  const flags: FlagValue[] = [];
  const problems: Problem[] = [];
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    if (at > 0) flags.push({ key: pair.slice(0, at), value: pair.slice(at + 1), flag: '--set' });
    else {
      const place: Place = { kind: 'flag', name: '--set' };
      problems.push({ place, key: '', message: 'expected path=value, such as batch.size=500' });
    }
  }
  return { flags, problems };
}

function putText(drafts: Drafts, path: string, text: string, place: Place): Problem | undefined {
  const key = settingKey(path);
  if (!key) throw new PipelineError('BUG', `no setting is called ${path}`);
  const value = typed(key, text);
  if (value === undefined) return { place, key: path, message: 'expected JSON or a,b,c' };
  drafts[key.file].put(path.split('.'), value, place);
  return undefined;
}

/** Text as the type of its setting. What does not fit stays text, for the schema to object to. */
function typed(key: SettingKey, text: string): unknown {
  const { type, items } = key.node;
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  if (type === 'integer' || type === 'number') {
    return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
  }
  if (!isList(key.node)) return text;
  if (!text.trimStart().startsWith('[')) {
    return items?.properties ? undefined : text.split(',').map((part) => part.trim());
  }
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function putFile(drafts: Drafts, key: SettingKey, path: string, place: Place): Problem | undefined {
  const read = () => readSecret(path, place.name);
  try {
    read();
  } catch (error) {
    return { place, key: key.path, message: describe(error) };
  }
  drafts[key.file].put(key.path.split('.'), new Secret(read), place);
  return undefined;
}

/** The file's text without its last line break. */
function readSecret(path: string, variable: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown reason';
    throw new PipelineError('CONFIG_UNREADABLE', `the secret file cannot be read (${code})`, {
      hint: `Check the file that ${variable} names and the right to read it.`,
      context: { variable },
    });
  }
  if (text !== '') return text;
  throw new PipelineError('CONFIG_UNREADABLE', 'the secret file is empty', {
    hint: `Write the secret into the file that ${variable} names.`,
    context: { variable },
  });
}

function unknownVariable(place: Place, known: Iterable<string>): Problem {
  const near = nearest(place.name, known);
  const message = `unknown variable${near ? `; did you mean ${near}?` : ''}`;
  return { place, key: '', message };
}
