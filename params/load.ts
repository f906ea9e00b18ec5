// Reads params.json and config.json, overlays environment and flags, and judges the whole before anything starts.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { PipelineError } from '../pipeline/errors.ts';
import { contradictions, type Finding, warnings } from './contradictions.ts';
import { Draft, type Place, type Problem } from './draft.ts';
import {
  applyEnvironment,
  applyFlags,
  type Drafts,
  type Environment,
  type FlagValue,
  parseSet,
} from './environment.ts';
import { type FileDraft, readJsonFile } from './json-file.ts';
import { judge } from './judge.ts';
import { SETTING_KEYS, type SettingsFile, settingKey } from './keys.ts';
import { configSchema, paramsSchema, type Settings } from './schema.ts';
import { Secret } from './secret.ts';

export interface LoadOptions {
  /** Where relative paths start; default: the working directory. */
  readonly directory?: string;
  /** `--params`; then `KH_PARAMS`; then params/params.json if it is there; then only defaults. */
  readonly paramsFile?: string;
  /** `--config`; then `KH_CONFIG`; then params/config.json if it is there; then only defaults. */
  readonly configFile?: string;
  readonly env: Environment;
  readonly flags?: readonly FlagValue[];
  /** `path=value` pairs of `--set`. */
  readonly set?: readonly string[];
}

export interface Loaded {
  readonly settings: Settings;
  /** Where each setting was written; undefined for a default. */
  readonly placeOf: (path: string) => Place | undefined;
  readonly warnings: readonly string[];
}

/**
 * The settings, checked as a whole. Order: flag, environment, file, default. Throws CONFIG_INVALID whose message
 * holds every problem, one a line, sorted by place; CONFIG_UNREADABLE when all that is wrong is a file.
 */
export function loadSettings(options: LoadOptions): Loaded {
  const params = readFile('params', options.paramsFile, options);
  const config = readFile('config', options.configFile, options);
  const drafts: Drafts = { params: params.draft, config: config.draft };
  const set = parseSet(options.set ?? []);
  const problems = [
    ...params.problems,
    ...config.problems,
    ...applyEnvironment(drafts, options.env),
    ...set.problems,
    ...applyFlags(drafts, [...(options.flags ?? []), ...set.flags]),
  ];
  const unreadable = params.broken || config.broken;
  // What a broken file would have said is unknown, so it is judged no further.
  const paramsParsed = paramsSchema.safeParse(drafts.params.root);
  const configParsed = configSchema.safeParse(drafts.config.root);
  if (!params.broken) problems.push(...judge(drafts.params, paramsParsed.error?.issues ?? []));
  if (!config.broken) problems.push(...judge(drafts.config, configParsed.error?.issues ?? []));
  if (!unreadable && paramsParsed.success && configParsed.success) {
    const settings = { params: paramsParsed.data, config: configParsed.data };
    problems.push(...contradictions(settings).map((finding) => located(drafts, finding)));
    if (problems.length === 0) return loaded(settings, drafts, config);
  }
  const onlyUnreadable = unreadable && problems.every((problem) => problem.key === '');
  throw failure(onlyUnreadable ? 'CONFIG_UNREADABLE' : 'CONFIG_INVALID', problems);
}

function readFile(
  file: SettingsFile,
  asked: string | undefined,
  { directory = '.', env }: LoadOptions,
): FileDraft {
  const shown = asked ?? (env[`KH_${file.toUpperCase()}`] || undefined);
  if (shown !== undefined) return readJsonFile(file, resolve(directory, shown), shown);
  const usual = `params/${file}.json`;
  const path = resolve(directory, usual);
  if (existsSync(path)) return readJsonFile(file, path, usual);
  return { draft: new Draft(file), problems: [], broken: false, readableByOthers: false };
}

function loaded(settings: Settings, drafts: Drafts, config: FileDraft): Loaded {
  const placeOf = (path: string): Place | undefined => {
    const key = settingKey(path);
    const parts = path.split('.');
    return key && drafts[key.file].at(parts) !== undefined
      ? drafts[key.file].placeOf(parts)
      : undefined;
  };
  const found = warnings(settings).map((finding) => line(located(drafts, finding)));
  const exposed = SETTING_KEYS.find(
    ({ path }) =>
      config.readableByOthers &&
      placeOf(path)?.kind === 'file' &&
      holdsSecret(valueAt(settings.config, path)),
  );
  if (exposed) {
    const instead = exposed.secret ? `${exposed.env}_FILE` : exposed.env;
    const message = `every user of this machine may read the file; chmod 600 it or set ${instead}`;
    found.push(line(located(drafts, { key: exposed.path, message })));
  }
  return { settings, placeOf, warnings: found };
}

function valueAt(settings: unknown, path: string): unknown {
  return path.split('.').reduce((value, name) => Object(value)[name], settings);
}

function holdsSecret(value: unknown): boolean {
  if (value instanceof Secret) return true;
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsSecret);
}

/** A finding lies where its setting was written; where nobody wrote it, the default is meant. */
function located(drafts: Drafts, { key, message }: Finding): Problem {
  const file = SETTING_KEYS.find(
    ({ path }) => key === path || key.startsWith(`${path}.`) || path.startsWith(`${key}.`),
  );
  const draft: Draft = drafts[file?.file ?? 'params'];
  const parts = key.split('.');
  const written = draft.at(parts) === undefined ? undefined : draft.placeOf(parts);
  return { place: written ?? { kind: 'file', name: 'default' }, key, message };
}

function failure(code: 'CONFIG_INVALID' | 'CONFIG_UNREADABLE', problems: Problem[]) {
  const lines = [...new Set(problems.sort(byPlace).map(line))];
  const heading = lines.length > 1 ? [`${lines.length} problems`] : [];
  return new PipelineError(code, [...heading, ...lines].join('\n'), {
    hint: 'docs/configuration.md lists every setting; kafka-hive config print shows what is in force.',
    context: { problems: lines.length },
  });
}

const KINDS = ['file', 'env', 'flag'];

function byPlace(a: Problem, b: Problem): number {
  return (
    KINDS.indexOf(a.place.kind) - KINDS.indexOf(b.place.kind) ||
    fileRank(a.place) - fileRank(b.place) ||
    a.place.name.localeCompare(b.place.name) ||
    (a.place.line ?? 0) - (b.place.line ?? 0) ||
    (a.place.column ?? 0) - (b.place.column ?? 0) ||
    a.key.localeCompare(b.key)
  );
}

/** Files before defaults. */
const fileRank = (place: Place) => (place.line === undefined ? 1 : 0);

function line({ place, key, message }: Problem): string {
  return `${placeText(place)}${key === '' ? ':' : ` ${key}:`} ${message}`;
}

/** `params/params.json:12:5`, `KH_BATCH__SIZE`, `--set`. */
function placeText(place: Place): string {
  return place.line === undefined ? place.name : `${place.name}:${place.line}:${place.column}`;
}
