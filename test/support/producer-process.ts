// The real producer (`cli/main.ts producer`) as a process of its own, which can be killed and told to stop; its log is heard.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));

/** No producer may outlive its test file. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface ProducerOptions {
  /** Its working directory, with params.json and config.json in it. */
  readonly directory: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

export class ProducerProcess {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown[]>;
  /** All it wrote: standard output and error. */
  told = '';

  constructor({ directory, args, env = {} }: ProducerOptions) {
    const settings = ['--params', 'params.json', '--config', 'config.json', '--log-format', 'json'];
    this.#child = spawn(
      process.execPath,
      ['--import', import.meta.resolve('tsx'), CLI, 'producer', ...args, ...settings],
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

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Resolves with its exit code when it is gone; null after SIGKILL. */
  async ended(): Promise<unknown> {
    const [code] = await this.#closed;
    return code;
  }
}
