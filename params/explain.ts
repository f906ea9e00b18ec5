// Every setting with its value and where the value came from: what `config print` shows.
import type { Place } from './draft.ts';
import { SETTING_KEYS, type SettingsFile } from './keys.ts';
import type { Loaded } from './load.ts';

export interface ExplainedSetting {
  readonly key: string;
  readonly file: SettingsFile;
  /** Secrets print as [secret]; undefined when nothing is set and there is no default. */
  readonly value: unknown;
  /** `default`, `params/params.json:12`, `env KH_BATCH__SIZE`, `flag --topic`. */
  readonly origin: string;
}

export function explain(loaded: Loaded): ExplainedSetting[] {
  return SETTING_KEYS.map(({ path, file, secret }) => {
    const found = valueAt(loaded.settings[file], path.split('.'));
    const value = secret && found !== undefined ? '[secret]' : found;
    return { key: path, file, value, origin: originText(loaded.placeOf(path)) };
  });
}

/** One line a setting, in columns: key, value as JSON, origin. */
export function explainLines(settings: readonly ExplainedSetting[]): string[] {
  const rows = settings.map(({ key, value, origin }) => ({
    key,
    value: value === undefined ? '(not set)' : JSON.stringify(value),
    origin,
  }));
  const keyWidth = Math.max(...rows.map(({ key }) => key.length));
  // A long list (table.columns) does not push the origins of all others off the screen.
  const valueWidth = Math.min(36, Math.max(...rows.map(({ value }) => value.length)));
  return rows.map(
    ({ key, value, origin }) => `${key.padEnd(keyWidth)}  ${value.padEnd(valueWidth)}  ${origin}`,
  );
}

function valueAt(root: unknown, path: readonly string[]): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[part];
  }
  return value;
}

function originText(place: Place | undefined): string {
  if (!place) return 'default';
  return place.kind === 'file' ? `${place.name}:${place.line}` : `${place.kind} ${place.name}`;
}
