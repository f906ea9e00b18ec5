// A command of the real program (`cli/main.ts <command>`) as a process of its own, which can be killed and told to stop;
// its log is heard.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));

/** No process may outlive its test file. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface CommandOptions {
  /** Its working directory. */
  readonly directory: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

export class CommandProcess {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown[]>;
  /** All it wrote: standard output and error. */
  told = '';

  constructor(command: string, { directory, args, env = {} }: CommandOptions) {
    this.#child = spawn(
      process.execPath,
      ['--import', import.meta.resolve('tsx'), CLI, command, ...args, '--log-format', 'json'],
      {
        cwd: directory,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ...env },
      },
    );
    this.#closed = once(this.#child, 'close');
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.told += text;
      });
    }
    running.add(this.#child);
    this.#child.once('close', () => running.delete(this.#child));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Undefined while it runs. */
  get exitCode(): number | undefined {
    return this.#child.exitCode ?? undefined;
  }

  /** The messages of its log so far. */
  get messages(): readonly string[] {
    return this.told
      .split('\n')
      .flatMap((line) => /"message":"((?:[^"\\]|\\.)*)"/.exec(line)?.[1] ?? []);
  }

  /** What follows `"<field>":"` the first time it was told; undefined before that. */
  field(name: string): string | undefined {
    return new RegExp(`"${name}":"([^"]*)"`).exec(this.told)?.[1];
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Resolves with its exit code when it is gone; null after SIGKILL. */
  async ended(): Promise<unknown> {
    const [code] = await this.#closed;
    return code;
  }
}
