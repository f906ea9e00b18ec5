// A member of a consumer group as a process of its own, which can be killed, frozen and asked to leave; what it says is heard.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Settings } from '../../params/schema.ts';
import type { DeliveryStep } from './delivery-steps.ts';
import { stateDirectory } from './settings.ts';

/** A line of its log. */
export interface Line {
  readonly time: string;
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** No consumer may outlive its test file. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class ConsumerProcess {
  readonly lines: Line[] = [];
  readonly positionFile: string;
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown[]>;

  /**
   * Starts consumer-from-position with a position file of its own. With `freezeAfter` it stops itself (SIGSTOP) the first
   * time that step of a delivery has passed. `script`: another child that takes the same arguments.
   */
  constructor(
    settings: Settings,
    freezeAfter: DeliveryStep | 'none' | `${string}:${number}:${NodeJS.Signals}` = 'none',
    script = 'killed-consumer.ts',
  ) {
    const directory = stateDirectory();
    const file = join(directory, 'settings.json');
    this.positionFile = join(directory, 'positions.json');
    const positions = { ...settings.params.positions, file: this.positionFile };
    const params = { ...settings.params, positions };
    writeFileSync(file, JSON.stringify({ ...settings, params }));
    const child = join(import.meta.dirname, script);
    const args = ['--import', 'tsx', child, file, freezeAfter, 'SIGSTOP', 'until-told'];
    this.#child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#closed = once(this.#child, 'close');
    let open = '';
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      const lines = `${open}${text}`.split('\n');
      open = lines.pop() ?? '';
      for (const line of lines) this.lines.push(parse(line));
    });
    running.add(this.#child);
    this.#child.once('close', () => running.delete(this.#child));
  }

  /** The topic partitions of its last join; empty before the first. */
  get assigned(): readonly number[] {
    const last = this.lines.findLast(({ message }) => message === 'partitions assigned');
    return (last?.['partitions'] as readonly number[] | undefined) ?? [];
  }

  /** True while a SIGSTOP holds it. */
  get isStopped(): boolean {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
  }

  /** Fails, with what it said last, when it has ended by itself. */
  mustRun(): void {
    const { exitCode, signalCode } = this.#child;
    assert.ok(exitCode === null && signalCode === null, `it ended:\n${this.told}`);
  }

  /** All it said, for the message of a failed assertion. */
  get told(): string {
    return this.lines.map((line) => JSON.stringify(line)).join('\n');
  }

  /** Lines with this message. */
  said(message: string): Line[] {
    return this.lines.filter((line) => line.message === message);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Resolves when it is gone, whatever ended it. */
  get gone(): Promise<unknown> {
    return this.#closed;
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }

  /** SIGTERM; resolves when it has delivered what it holds, and fails when it does not end well. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const [code] = await this.#closed;
    assert.equal(code, 0, this.told);
  }
}

/** What is no line of the log, such as a stack trace, is kept as it is. */
function parse(text: string): Line {
  try {
    return JSON.parse(text);
  } catch {
    return { time: '', level: 'error', message: text };
  }
}
