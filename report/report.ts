// The report command: asks the records of a base path or Hive table the questions of views.ts, and writes the answers as one
// HTML page and, when wanted, as files for other programs.
import { rename, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { Analysis, quoteText, type ResultRow } from '../clients/duckdb/analysis.ts';
import { filesRejected, Workspace } from '../clients/duckdb/workspace.ts';
import { ensureDirectory } from '../clients/files/local.ts';
import type { Settings } from '../params/schema.ts';
import { PipelineError } from '../pipeline/errors.ts';
import { type CommandDeps, Lifecycle } from '../pipeline/lifecycle.ts';
import { readHive } from './hive-rows.ts';
import { createObservations, createTables, type Loading, loadLines } from './observations.ts';
import { leftOut, page, type Result } from './page.ts';
import { type Reading, readTree } from './tree.ts';
import { DAILY, OVERVIEW, type Section, stepFor, views } from './views.ts';

export interface ReportOptions {
  /** `hdfs://...`, `webhdfs://...`, an absolute local path, or `hive:database.table`. */
  readonly input: string;
  /** Where the page goes; a file that stands there is replaced. */
  readonly output: string;
  readonly type: Section | 'all';
  /** Code or name of the one country to look at, in any case. */
  readonly country?: string | undefined;
  /** Directory of the exports; undefined: none are written. */
  readonly exportDirectory?: string | undefined;
}

const MEMORY_MB = 256;
const THREADS_MAX = 4;

/**
 * Writes the page and the exports. Memory is bounded, whatever the number of records; the disk of TMPDIR holds some 50 bytes
 * for each meanwhile. Throws REPORT_INPUT when there is nothing to report on, FILES_REJECTED when it cannot be written, and
 * what HDFS and HiveServer2 throw.
 */
export async function runReport(
  settings: Settings,
  deps: CommandDeps,
  options: ReportOptions,
): Promise<void> {
  const opened = new Lifecycle();
  try {
    const { directory } = opened.add('workspace', await Workspace.open());
    const threads = Math.min(availableParallelism(), THREADS_MAX);
    const analysis = opened.add(
      'analysis',
      await Analysis.open({ directory, memoryMb: MEMORY_MB, threads }),
    );
    const loading: Loading = { analysis, signal: deps.signal };
    await createTables(loading);
    await load(loading, settings, { ...deps, directory }, options.input);
    await createObservations(loading, options.country);
    const overview = await look(loading, options);
    const results = await ask(loading, overview);
    const { input, country, output, type, exportDirectory } = options;
    const about = { input, country, madeAt: new Date(deps.clock.now()).toISOString(), overview };
    await write(output, page({ ...about, results: chosen(results, overview, type) }));
    deps.out(
      `${output}: ${Number(overview['records']).toLocaleString('en')} records. ${leftOut(overview)}`,
    );
    if (exportDirectory === undefined) return;
    for (const file of await exportAll(loading, exportDirectory, { ...about, results }))
      deps.out(file);
  } finally {
    await opened.close();
  }
}

async function load(
  loading: Loading,
  { config }: Settings,
  reading: Reading,
  input: string,
): Promise<void> {
  const [, database, name] = /^hive:(\w+)\.(\w+)$/.exec(input) ?? [];
  if (input.startsWith('hive:') && !(database && name))
    throw new PipelineError('REPORT_INPUT', `${input} names no table`, {
      hint: 'Name it as hive:database.table.',
      context: { input },
    });
  if (database && name)
    await readHive({ database, name }, config.hive, reading, (path) => loadLines(loading, [path]));
  else await readTree(input, config.hdfs, reading, (paths) => loadLines(loading, paths));
}

async function look(
  { analysis, signal }: Loading,
  { input, country }: ReportOptions,
): Promise<ResultRow> {
  const [overview = {}] = await analysis.rows('count the records', OVERVIEW, signal);
  if (Number(overview['records']) > 0) return overview;
  const of = country === undefined ? '' : ` of country ${country}`;
  throw new PipelineError('REPORT_INPUT', `there is no weather record${of} in ${input}`, {
    hint: 'Records lie in <base>/<country code>/<city>/*.json; --country takes a code such as FR or a name as records have it.',
    context: { unreadableLines: Number(overview['unreadable_lines']) },
  });
}

async function ask({ analysis, signal }: Loading, overview: ResultRow): Promise<Result[]> {
  const results: Result[] = [];
  for (const view of views(stepFor(Number(overview['span_seconds'])))) {
    const rows = await analysis.rows(`answer ${view.id}`, view.sql, signal);
    results.push({ view, rows });
  }
  return results;
}

function chosen(results: readonly Result[], overview: ResultRow, type: Section | 'all'): Result[] {
  const isComparable = Number(overview['countries']) > 1;
  return results.filter(
    ({ view }) =>
      (type === 'all' || type === view.section) &&
      (isComparable || !view.id.endsWith('_by_country')),
  );
}

/** Replaces what stands at `path` in one step: a browser that has it open never loads half a page. */
async function write(path: string, text: string): Promise<void> {
  const unfinished = `${path}.${process.pid}.tmp`;
  try {
    await ensureDirectory(dirname(path));
    await writeFile(unfinished, text);
    await rename(unfinished, path);
  } catch (error) {
    // What stands in the way of the page may stand in the way of this too.
    await rm(unfinished, { force: true }).catch(() => undefined);
    throw filesRejected(path, error);
  }
}

/** Writes the files of the export and returns their paths. */
async function exportAll(
  { analysis, signal }: Loading,
  directory: string,
  statistics: { readonly overview: ResultRow; readonly results: readonly Result[] },
): Promise<string[]> {
  const { results, ...about } = statistics;
  const complete = join(directory, 'complete_statistics.json');
  const byId = Object.fromEntries(results.map(({ view, rows }) => [view.id, rows]));
  await write(complete, `${JSON.stringify({ ...about, ...byId }, undefined, 2)}\n`);
  const files = [complete];
  for (const { file, sql } of [DAILY, ...results.map(({ view }) => view)]) {
    if (file === undefined) continue;
    const path = join(directory, file);
    // `\\0` keeps the name of the column.
    const cells = `SELECT sheet_cell(COLUMNS(*)) AS "\\0" FROM (${sql})`;
    const copy = `COPY (${cells}) TO ${quoteText(path)} (FORMAT csv, HEADER)`;
    await analysis.run(`write ${path}`, copy, signal);
    files.push(path);
  }
  return files;
}
