// One schedule from its first record to the verdict: start, hurt, heal, drain, stop, judge.
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { KafkaAdmin } from '../../clients/kafka/admin.ts';
import type { Settings } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { describe } from '../../pipeline/errors.ts';
import { silentLog } from '../../pipeline/log.ts';
import { withRetry } from '../../pipeline/retry.ts';
import { uniqueName } from '../support/stack.ts';
import { acknowledgedEnd } from './acknowledged.ts';
import { check } from './checker.ts';
import { gatherEvidence } from './evidence.ts';
import type { ChaosWorld } from './fault.ts';
import { type Cast, Injector } from './injector.ts';
import { TreeReader } from './location-tree.ts';
import { type End, hasGivenUp, isUnexpected, Member } from './member.ts';
import type { ProducerJob } from './producer-process.ts';
import { type TrialReport, violationLines } from './report.ts';
import type { Schedule } from './schedule.ts';
import { trialSettings } from './trial-settings.ts';
import { isLocations } from './workload.ts';

export interface TrialOptions {
  readonly world: ChaosWorld;
  /** Gets settings, state, acknowledgements and the logs of all processes. */
  readonly directory: string;
  readonly signal: AbortSignal;
}

/** Clients of a world: consumers from 0 on, the visitor among them, and one for all producers. */
export const CLIENTS = 5;
const PRODUCERS_CLIENT = CLIENTS - 1;

/** Without faults something is placed in this time, on however slow a machine. */
const DRAIN_MS = 240_000;
const DRAIN_POLL_MS = 300;
const KAFKA_MS = 60_000;
const SWEEP_MS = 120_000;
const SAID_MAX = 64 * 1024 * 1024;
const ASK_RETRY = { delayMs: 200, delayMsMax: 1000, deadlineMs: 60_000 };

/** Runs one schedule. Throws only when the run itself cannot go on (servers that do not heal, an abort). */
export async function runTrial(schedule: Schedule, options: TrialOptions): Promise<TrialReport> {
  mkdirSync(options.directory, { recursive: true });
  const trial = new Trial(schedule, options);
  try {
    return await trial.run();
  } finally {
    await trial.stopAll();
  }
}

class Trial {
  readonly #schedule: Schedule;
  readonly #options: TrialOptions;
  readonly #name: string;
  readonly #cast: Cast;
  readonly #began = systemClock.monotonic();
  /** Aborts when a promise is broken already: more faults would only blur the picture. */
  readonly #over = new AbortController();
  readonly #until: AbortSignal;
  #reader: TreeReader | undefined;
  #placedAt = this.#began;
  #stallMs = 0;

  constructor(schedule: Schedule, options: TrialOptions) {
    this.#schedule = schedule;
    this.#options = options;
    this.#until = AbortSignal.any([options.signal, this.#over.signal]);
    this.#name = uniqueName(`chaos_${schedule.seed}`);
    const { producers, consumers } = schedule.workload;
    this.#cast = {
      producers: Array.from({ length: producers }, (_, index) => this.#producer(index)),
      consumers: Array.from({ length: consumers }, (_, index) => this.#consumer(index)),
      visitor: this.#consumer(consumers),
    };
  }

  async run(): Promise<TrialReport> {
    const { world, signal } = this.#options;
    const { workload, faults, minutes } = this.#schedule;
    const { producers, consumers } = this.#cast;
    const settings = this.#settings(world.direct, 'checker');
    const admin = await KafkaAdmin.open(world.direct.kafka, silentLog, signal, KAFKA_MS);
    try {
      const shape = { partitions: workload.partitions, replication: 1 };
      await admin.ensureTopic(this.#name, shape, signal);
      if (isLocations(workload.sink)) this.#reader = new TreeReader(settings);
      for (const member of [...producers, ...consumers]) member.start();
      const injector = new Injector(this.#cast, world);
      await injector.run(faults, minutes * 60_000, this.#until);
      signal.throwIfAborted();
      await world.heal();
      await injector.settled();
      const healedAt = systemClock.monotonic();
      const broken: string[] = [];
      await Promise.all(producers.map((producer) => producer.stop()));
      const lag = await this.#drain(admin);
      if (lag !== undefined) broken.push(lag);
      const recoveryMs = systemClock.monotonic() - healedAt;
      await this.stopAll();
      broken.push(...this.#ends().filter(isUnexpected).map(endLine));
      broken.push(...((await this.#reader?.stop()) ?? []));
      const { lines, counts } = await this.#judge(settings);
      broken.push(...lines);
      return {
        ...{ schedule: this.#schedule, injected: injector.done, counts, broken, recoveryMs },
        stallMs: this.#stallMs,
        treeReads: this.#reader?.reads ?? 0,
        gaveUp: this.#ends().filter(hasGivenUp).map(endLine),
        tookMs: systemClock.monotonic() - this.#began,
      };
    } finally {
      await admin.close();
    }
  }

  async stopAll(): Promise<void> {
    const { producers, consumers, visitor } = this.#cast;
    await Promise.all([...producers, ...consumers, visitor].map((member) => member.stop()));
    await this.#reader?.stop();
  }

  /** Waits until the group's committed offsets reach the end of the topic; else says what is missing. */
  async #drain(admin: KafkaAdmin): Promise<string | undefined> {
    const { signal } = this.#options;
    if (this.#over.signal.aborted) return undefined;
    // A broker that is just back refuses some questions for a moment.
    const asked = <T>(question: () => Promise<T>) =>
      withRetry(question, ASK_RETRY, systemClock, signal);
    const ends = await asked(() => admin.offsets(this.#name, signal));
    let deadline = systemClock.monotonic() + DRAIN_MS;
    for (let before = ''; ; ) {
      const committed = await asked(() => admin.groupOffsets(this.#name, this.#name, signal));
      const at = [...committed].map(([partition, { offset }]) => `${partition}:${offset}`).join();
      if (at !== before) deadline = systemClock.monotonic() + DRAIN_MS;
      before = at;
      const behind = [...ends].filter(
        ([partition, { highWatermark }]) =>
          (committed.get(partition)?.offset ?? 0n) < highWatermark,
      );
      if (behind.length === 0) return undefined;
      if (systemClock.monotonic() > deadline) {
        const list = behind.map(
          ([partition, { highWatermark }]) =>
            `${partition} at ${committed.get(partition)?.offset ?? 'nothing'} of ${highWatermark}`,
        );
        return `drain: nothing moved for ${DRAIN_MS / 1000} s without faults, and the group still lags: ${list.join(', ')}`;
      }
      await systemClock.sleep(DRAIN_POLL_MS, this.#until).catch(() => signal.throwIfAborted());
      if (this.#over.signal.aborted) return undefined;
    }
  }

  async #judge(settings: Settings) {
    const { workload } = this.#schedule;
    try {
      const { signal } = this.#options;
      let evidence = await gatherEvidence(settings, signal);
      const lines: string[] = [];
      if (evidence.leftovers.length > 0) {
        // A table that is broken stops the sweeper too; what is broken is judged all the same.
        await this.#sweep().catch((error: unknown) => lines.push(`sweeping: ${describe(error)}`));
        signal.throwIfAborted();
        evidence = await gatherEvidence(settings, signal);
      }
      const acknowledged = this.#cast.producers.map((_, index) =>
        acknowledgedEnd(this.#acknowledgedFile(index)),
      );
      const violations = check(evidence, acknowledged, workload);
      this.#keep('violations.json', violations);
      this.#keep(
        'ledger.json',
        evidence.chains.flatMap(({ entries }) => entries),
      );
      const { records, rows, chains } = evidence;
      const batches = chains.reduce((sum, { entries }) => sum + entries.length, 0);
      const counts = { records: records.length, rows: rows.length, batches };
      return { lines: [...violationLines(violations, evidence), ...lines], counts };
    } catch (error) {
      this.#options.signal.throwIfAborted();
      const lines = [`judging: what stands cannot be read: ${describe(error)}`];
      return { lines, counts: { records: 0, rows: 0, batches: 0 } };
    }
  }

  /**
   * What a request left in staging that was carried out late is swept in the background a minute after a start, or at the
   * end of a run that ends by itself: here is one. It has nothing else to do, and the checker looks again behind it.
   */
  async #sweep(): Promise<void> {
    const script = join(import.meta.dirname, 'consumer-process.ts');
    const args = [
      '--import',
      'tsx',
      script,
      this.#keep('sweeper.json', this.#settings(this.#options.world.direct, 'sweeper')),
      'none',
      'until-end',
    ];
    await promisify(execFile)(process.execPath, args, { maxBuffer: SAID_MAX, timeout: SWEEP_MS });
  }

  #ends() {
    const { producers, consumers, visitor } = this.#cast;
    return [...producers, ...consumers, visitor].flatMap(({ ends }) => ends);
  }

  #placed(): void {
    const now = systemClock.monotonic();
    this.#stallMs = Math.max(this.#stallMs, now - this.#placedAt);
    this.#placedAt = now;
  }

  #consumer(index: number): Member {
    const name = `consumer ${index}`;
    const settings = this.#settings(this.#options.world.config(index), `state-${index}`);
    const file = this.#keep(`consumer-${index}.json`, settings);
    return new Member({
      name,
      script: 'consumer-process.ts',
      args: [file, this.#schedule.plant ?? 'none'],
      directory: this.#options.directory,
      onPlaced: () => this.#placed(),
      onUnexpected: () => this.#over.abort(),
      // Of a directory of this machine one process at a time is the writer.
      mayBeRefused: this.#schedule.workload.sink === 'locations-local',
    });
  }

  #producer(producer: number): Member {
    const { world, directory } = this.#options;
    const job: ProducerJob = {
      config: world.config(PRODUCERS_CLIENT).kafka,
      topic: this.#name,
      producer,
      workload: this.#schedule.workload,
      acknowledged: this.#acknowledgedFile(producer),
    };
    return new Member({
      name: `producer ${producer}`,
      script: 'producer-process.ts',
      args: [this.#keep(`producer-${producer}.json`, job)],
      directory,
      onUnexpected: () => this.#over.abort(),
    });
  }

  #acknowledgedFile(producer: number): string {
    return join(this.#options.directory, `acknowledged-${producer}.txt`);
  }

  #settings(config: Settings['config'], state: string): Settings {
    const { directory, world } = this.#options;
    const { workload } = this.#schedule;
    return trialSettings({ workload, name: this.#name, directory, state, world, config });
  }

  #keep(name: string, value: unknown): string {
    const file = join(this.#options.directory, name);
    const text = (_: string, one: unknown) => (typeof one === 'bigint' ? `${one}` : one);
    writeFileSync(file, JSON.stringify(value, text, 1));
    return file;
  }
}

function endLine({ name, code, signal, said }: End): string {
  return `${name} ended with ${signal ?? `exit code ${code}`}: ${said}`;
}
