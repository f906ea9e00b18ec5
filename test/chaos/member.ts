// One producer or consumer of a chaos run: a child process that is killed, frozen and starved of disk, and started again
// until it is told to stop. Keeps what it said in a file, and how each of its lives ended.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../pipeline/clock.ts';
import { deferred } from '../../pipeline/retry.ts';
import type { DeliveryStep } from '../support/delivery-steps.ts';
import type { Aim, ConsumerNews } from './consumer-process.ts';

export interface MemberOptions {
  /** `consumer 0`; also the name of its log. */
  readonly name: string;
  /** File in test/chaos and its arguments. */
  readonly script: string;
  readonly args: readonly string[];
  readonly directory: string;
  /** Another process may have what it needs: it ends with POSITION_LOCKED then and is started again. */
  readonly mayBeRefused?: boolean;
  /** Told whenever it placed a batch. */
  readonly onPlaced?: () => void;
  /** Told of an end that `isUnexpected`. */
  readonly onUnexpected: (end: End) => void;
}

export interface End {
  readonly name: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end was our doing, or what we did may be its reason. */
  readonly excused: boolean;
  /** The last thing it said. */
  readonly said: string;
}

/** Exit code of the errors that a repeat may cure. */
const EXIT_UNAVAILABLE = 3;
const RESTART_MS = 500;
/** How long an aim waits for a delivery. */
const AIM_MS = 20_000;
/** After a stop was asked for; the product itself bounds its last deliveries and its farewell to Kafka. */
const STOP_MS = 90_000;

interface Life {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
  excused: boolean;
  limited: boolean;
  isAimedAt: boolean;
  said: string;
  onAimed: () => void;
}

export class Member {
  readonly ends: End[] = [];
  readonly #options: MemberOptions;
  readonly #log: WriteStream;
  #life: Life | undefined;
  #wanted = false;
  /** Milliseconds until the next life begins. */
  #pauseMs = 0;
  #restart: NodeJS.Timeout | undefined;

  constructor(options: MemberOptions) {
    this.#options = options;
    this.#log = createWriteStream(join(options.directory, `${options.name.replace(' ', '-')}.log`));
  }

  get name(): string {
    return this.#options.name;
  }

  get isAlive(): boolean {
    return this.#life !== undefined;
  }

  start(): void {
    this.#wanted = true;
    if (this.#life === undefined && this.#restart === undefined) this.#begin();
  }

  /** SIGKILL; the next life begins after `pauseMs`. False when there was nobody to kill. */
  async kill(pauseMs: number): Promise<boolean> {
    const life = this.#life;
    if (life === undefined) return false;
    this.#pauseMs = pauseMs;
    life.excused = true;
    life.child.kill('SIGKILL');
    await life.ended;
    return true;
  }

  async freeze(durationMs: number, signal: AbortSignal): Promise<boolean> {
    const life = this.#life;
    if (life === undefined) return false;
    life.child.kill('SIGSTOP');
    await systemClock.sleep(durationMs, signal).catch(() => undefined);
    life.child.kill('SIGCONT');
    return true;
  }

  /** At its next `step` it kills or freezes itself. False when no delivery passed that step in time. */
  async aim(
    step: DeliveryStep,
    how: 'kill' | 'freeze',
    durationMs: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    const life = this.#life;
    // One at a time: the first of two would lose its mark.
    if (life === undefined || life.isAimedAt) return false;
    life.isAimedAt = true;
    const hit = deferred<boolean>();
    life.onAimed = () => hit.resolve(true);
    if (how === 'kill') {
      life.excused = true;
      this.#pauseMs = durationMs;
    }
    send(life, { step, signal: how === 'kill' ? 'SIGKILL' : 'SIGSTOP' });
    const late = systemClock.sleep(AIM_MS, signal).then(
      () => false,
      () => false,
    );
    const isHit = await Promise.race([hit.promise, late, life.ended.then(() => how === 'kill')]);
    if (isHit && how === 'freeze') {
      await systemClock.sleep(durationMs, signal).catch(() => undefined);
    }
    // What was aimed and hits after all, now, only stutters.
    life.onAimed = () => life.child.kill('SIGCONT');
    if (!isHit) send(life, undefined);
    life.child.kill('SIGCONT');
    life.isAimedAt = false;
    return isHit;
  }

  /** No write to any file succeeds meanwhile: EFBIG, which is taken as a full disk is. */
  async limitDisk(durationMs: number, signal: AbortSignal): Promise<boolean> {
    const life = this.#life;
    if (life?.child.pid === undefined) return false;
    life.limited = true;
    if (!setFileSizeLimit(life.child.pid, '0')) return false;
    const over = systemClock.sleep(durationMs, signal).catch(() => undefined);
    await Promise.race([over, life.ended]);
    if (this.#life === life) setFileSizeLimit(life.child.pid, 'unlimited');
    return true;
  }

  /** Asks for its end and waits for it. What does not end in time is killed and shows in `ends`. */
  async stop(): Promise<void> {
    this.#wanted = false;
    clearTimeout(this.#restart);
    this.#restart = undefined;
    const life = this.#life;
    if (life) {
      life.child.kill('SIGCONT');
      life.child.kill('SIGTERM');
      const timer = setTimeout(() => {
        life.excused = false;
        life.said = `it did not end within ${STOP_MS / 1000} s of being asked; before: ${life.said}`;
        life.child.kill('SIGKILL');
      }, STOP_MS);
      await life.ended;
      clearTimeout(timer);
    }
  }

  #begin(): void {
    const { script, args, name } = this.#options;
    this.#restart = undefined;
    this.#pauseMs = 0;
    const file = join(import.meta.dirname, script);
    const command = [process.execPath, '--import', 'tsx', file, ...args];
    // The signal of a write beyond the limit must be ignored from outside; then the write fails instead.
    const child = spawn('bash', ['-c', 'trap "" XFSZ; exec "$@"', 'member', ...command], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // Ctrl-C of a terminal reaches the runner alone, which stops its children in order.
      detached: true,
    });
    const life: Life = {
      ...{ child, excused: false, limited: false, isAimedAt: false, said: '' },
      ended: once(child, 'close'),
      onAimed: () => {},
    };
    this.#life = life;
    this.#log.write(`--- ${name} begins as process ${child.pid}\n`);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log.write(text);
      life.said = lastWords(text) ?? life.said;
    });
    child.on('message', ({ passed }: ConsumerNews) => {
      if (passed === 'aimed') life.onAimed();
      else this.#options.onPlaced?.();
    });
    child.on('error', () => {});
    child.on('close', (code, signal) => this.#ended(life, code, signal));
  }

  #ended(life: Life, code: number | null, signal: NodeJS.Signals | null): void {
    this.#life = undefined;
    this.#log.write(`--- ended with ${signal ?? code}\n`);
    // Before it listens for signals, being asked is the end.
    const asked = !this.#wanted && (code === 0 || signal === 'SIGTERM');
    const excused = asked || (life.excused && signal === 'SIGKILL') || (life.limited && !signal);
    const refused = this.#options.mayBeRefused === true && life.said.startsWith('POSITION_LOCKED');
    const end = { name: this.name, code, signal, excused: excused || refused, said: life.said };
    this.ends.push(end);
    if (isUnexpected(end)) this.#options.onUnexpected(end);
    if (this.#wanted) {
      const pauseMs = Math.max(this.#pauseMs, excused ? 0 : RESTART_MS);
      this.#restart = setTimeout(() => this.#begin(), pauseMs);
    }
  }
}

/** A server was away for too long; a supervisor starts the program again. */
export function hasGivenUp({ excused, code }: End): boolean {
  return !excused && code === EXIT_UNAVAILABLE;
}

/** An end nobody brought about and no repeat would cure. */
export function isUnexpected(end: End): boolean {
  return !end.excused && !hasGivenUp(end);
}

function send({ child }: Life, aim: Aim | undefined): void {
  // It may just have died; then nothing was aimed at.
  if (child.connected) child.send(aim ?? {}, () => {});
}

function setFileSizeLimit(pid: number, limit: string): boolean {
  try {
    execFileSync('prlimit', ['--pid', String(pid), `--fsize=${limit}:unlimited`], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    // Not on this system, or the process has just died.
    return false;
  }
}

/** The last line of a chunk of log; of our own errors what matters of it. */
function lastWords(text: string): string | undefined {
  const line = text.trimEnd().split('\n').at(-1);
  const error = /"code":"(\w+)","why":"((?:[^"\\]|\\.)*)"/.exec(line ?? '');
  return error ? `${error[1]} ${error[2]}` : line;
}
