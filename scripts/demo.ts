// `npm run demo`: the main job for real, from nothing: starts Kafka, HDFS and HiveServer2, produces posts, packs and
// inserts them with both consumers, kills one of them in the middle, and counts what arrived.
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, PipelineError } from '../pipeline/errors.ts';
import { EXIT_INTERRUPTED } from '../pipeline/lifecycle.ts';
import { printAccounting } from './demo/accounting.ts';
import { commandsEnded } from './demo/command.ts';
import {
  finishLive,
  type Job,
  killInTheMiddle,
  produce,
  resume,
  sendBroken,
  startLive,
} from './demo/job.ts';
import { type DemoOptions, HELP, openPosts, readOptions } from './demo/options.ts';
import { Screen } from './demo/screen.ts';
import { openWorkspace, type Workspace } from './demo/workspace.ts';
import { stopOnce } from './stop-once.ts';

const PARTITIONS = 4;
const BATCHES = 80;
const BATCH_SIZE_MAX = 5000;
const EXIT_DIFFERS = 1;
const EXIT_USAGE = 2;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const screen = new Screen(process.stdout);

/** Returns whether everything arrived once. */
async function runDemo(
  options: DemoOptions,
  workspace: Workspace,
  signal: AbortSignal,
): Promise<boolean> {
  const posts = await openPosts(options);
  const batchSize = Math.min(BATCH_SIZE_MAX, Math.max(1, Math.ceil(posts.count / BATCHES)));

  screen.phase('Kafka, HDFS and HiveServer2 start on this machine');
  await workspace.start(batchSize, PARTITIONS, signal);
  const job: Job = {
    screen,
    signal,
    settings: ['--params', workspace.paramsFile, '--config', workspace.configFile],
    topic: workspace.topic,
    partitions: PARTITIONS,
    batchSize,
    hashtag: options.hashtag,
    posts: posts.lines,
    postCount: posts.count,
  };

  screen.phase('A topic, and the live consumer that waits for posts');
  const broken = await sendBroken(job);
  const live = await startLive(job);

  screen.phase(
    `The producer streams ${options.hashtag ? `posts with #${options.hashtag}` : 'your posts'}`,
  );
  const sent = await produce(job);

  screen.phase(`The live consumer packs batches of ${batchSize} and inserts them into Hive`);
  await finishLive(job, live, sent);

  screen.phase('consumer-from-position reads the topic from its beginning, and is killed');
  const placed = await killInTheMiddle(job, sent + broken);

  screen.phase('consumer-from-position resumes');
  await resume(job, placed, sent + broken);

  screen.phase('HiveServer2 is asked what arrived');
  return printAccounting(job, workspace, [
    { title: 'consumer-from-position', table: 'posts', produced: sent + broken, isLive: false },
    { title: 'live consumer', table: 'posts_live', produced: sent, isLive: true },
  ]);
}

function printNext({ paramsFile, configFile }: Workspace): void {
  const settings = `--params ${paramsFile} --config ${configFile}`;
  screen.line(`
Everything is left running. Try:
  npm run producer -- --input - --raw ${settings}      type lines, end with Ctrl-D
  npm run consumer -- ${settings}
  npm run consumer-from-position -- --until-end ${settings}
  npm run positions -- show ${settings}
  npm run verify -- ${settings}
The next \`npm run demo\` begins by removing it; to do so now:
  npm run stack -- wipe --data-dir ${join(dirname(paramsFile), 'stack')}`);
}

function tell(error: unknown): void {
  screen.line(`\nThe demo failed: ${describe(error)}`);
  if (error instanceof PipelineError && error.hint) screen.line(`  ${error.hint}`);
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n`);
    return options === HELP ? 0 : EXIT_USAGE;
  }
  const workspace = openWorkspace(root);
  if (typeof workspace === 'string') {
    process.stderr.write(`${workspace}\n`);
    return EXIT_USAGE;
  }
  const interrupted = stopOnce((text) => screen.line(text));
  const failed = new AbortController();
  try {
    const signal = AbortSignal.any([interrupted, failed.signal]);
    const isGood = await runDemo(options, workspace, signal);
    screen.line('');
    screen.line(
      isGood
        ? `Everything arrived, once: 0 missing, 0 doubled, after a SIGKILL in the middle. (${screen.elapsed})`
        : 'NOT everything arrived once: see the accounting above.',
    );
    if (options.keep) {
      rmSync(join(root, workspace.folder, 'pid'), { force: true });
      printNext(workspace);
    } else {
      screen.phase('Stopping and cleaning up');
      await workspace.remove();
    }
    return isGood ? 0 : EXIT_DIFFERS;
  } catch (error) {
    failed.abort(error);
    await commandsEnded();
    if (interrupted.aborted) {
      await workspace.remove();
      return EXIT_INTERRUPTED;
    }
    tell(error);
    await workspace.stop();
    screen.line(
      `What it has left, logs included, is in ${workspace.folder}; the next demo removes it.`,
    );
    return error instanceof PipelineError ? error.exit : EXIT_DIFFERS;
  }
}

process.exitCode = await main();
