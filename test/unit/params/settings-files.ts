// Settings files in a directory of their own, and what loading them says.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Loaded, type LoadOptions, loadSettings } from '../../../params/load.ts';
import { PipelineError } from '../../../pipeline/errors.ts';

export interface Given extends Partial<LoadOptions> {
  readonly params?: string;
  readonly config?: string;
}

/** A directory that goes with the test. */
export function emptyDirectory(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'kh-params-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Loads with the given texts as params.json and config.json; both default to `{}`. */
export function load(context: TestContext, given: Given): Loaded {
  const { params = '{}', config = '{}', ...options } = given;
  const directory = emptyDirectory(context);
  writeFileSync(join(directory, 'params.json'), params);
  writeFileSync(join(directory, 'config.json'), config, { mode: 0o600 });
  return loadSettings({
    directory,
    paramsFile: 'params.json',
    configFile: 'config.json',
    env: {},
    ...options,
  });
}

/** The error that loading ends with, and its problems, one a line. Fails when loading succeeds. */
export function refusal(context: TestContext, given: Given) {
  try {
    load(context, given);
  } catch (error) {
    if (!(error instanceof PipelineError)) throw error;
    const lines = error.message.split('\n').filter((line) => !/^\d+ problems$/.test(line));
    return { error, lines };
  }
  throw new Error('these settings were expected to be refused');
}
