// The network between writers and their file system: each request meets a drawn fate. It may be carried out, carried out
// and not answered, cut half way, lost, or carried out much later; and its writer may crash or freeze meanwhile.
import type { FileSystem } from '../../clients/files/file-system.ts';
import type { WebHdfs } from '../../clients/files/webhdfs.ts';
import { PipelineError } from '../../pipeline/errors.ts';
import { bytesOf, type MemoryFiles } from './memory-files.ts';

/** mulberry32: small, seeded, good enough to draw schedules. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Request {
  readonly writer: number;
  readonly run: () => unknown;
  /** What a request that fails half way leaves behind; creates only. */
  readonly cut: (() => unknown) | undefined;
  /** What its sender is told when no answer comes. */
  readonly silence: PipelineError;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export class Network {
  readonly random: () => number;
  /** While true, requests and writers meet with accidents. */
  isFaulty = true;
  readonly #memory: MemoryFiles;
  readonly #frozen = new Map<number, number>();
  #pending: Request[] = [];
  #late: (() => unknown)[] = [];
  #writers: number[] = [];
  #writerCount = 0;
  #step = 0;

  constructor(seed: number, memory: MemoryFiles) {
    this.random = generator(seed);
    this.#memory = memory;
  }

  chance(share: number): boolean {
    return this.random() < share;
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.random() * items.length)] as T;
  }

  get writerCount(): number {
    return this.#writers.length;
  }

  /** A new writer's number. */
  enlist(): number {
    this.#writerCount += 1;
    this.#writers.push(this.#writerCount);
    return this.#writerCount;
  }

  /** A writer ends by itself. */
  dismiss(writer: number): void {
    this.#writers = this.#writers.filter((other) => other !== writer);
  }

  /** Every writer dies; what they sent late is carried out. */
  killAll(): void {
    this.#writers = [];
    this.#pending = [];
    this.carryOutLate();
  }

  carryOutLate(): void {
    for (const run of this.#late.splice(0)) attempt(run);
  }

  /** One request of one writer meets its fate. */
  async advance(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#step += 1;
    if (this.isFaulty) this.#disturb();
    const ready = this.#pending.filter(
      ({ writer }) =>
        this.#writers.includes(writer) && (this.#frozen.get(writer) ?? 0) <= this.#step,
    );
    if (ready.length === 0) return;
    const request = this.pick(ready);
    this.#pending = this.#pending.filter((other) => other !== request);
    this.#meet(request, this.isFaulty ? this.random() : 1);
  }

  #disturb(): void {
    if (this.#late.length > 0 && this.chance(0.1)) {
      const [run] = this.#late.splice(Math.floor(this.random() * this.#late.length), 1);
      if (run) attempt(run);
    }
    if (this.#writers.length > 0 && this.chance(0.01)) {
      this.#frozen.set(this.pick(this.#writers), this.#step + Math.floor(this.random() * 150));
    }
  }

  #meet(request: Request, fate: number): void {
    const { writer, run, cut, silence, resolve, reject } = request;
    if (fate < 0.03) {
      // The writer dies; what it had sent may still be carried out.
      this.#writers = this.#writers.filter((other) => other !== writer);
      const sent = [request, ...this.#pending.filter((other) => other.writer === writer)];
      this.#pending = this.#pending.filter((other) => other.writer !== writer);
      this.#late.push(...sent.filter(() => this.chance(0.5)).map((each) => each.run));
    } else if (fate < 0.08) {
      this.#late.push(run);
      reject(silence);
    } else if (fate < 0.12) {
      attempt(run);
      reject(silence);
    } else if (fate < 0.14) {
      attempt(cut ?? (() => {}));
      reject(silence);
    } else {
      try {
        resolve(run());
      } catch (error) {
        reject(error);
      }
    }
  }

  /** Carries `run` out some day, perhaps; a writer that died waits for ever. */
  send<T>(
    writer: number,
    run: () => T,
    { cut, isRename = false }: { cut?: () => unknown; isRename?: boolean } = {},
  ): Promise<T> {
    const code = isRename ? 'SINK_OUTCOME_UNKNOWN' : 'HDFS_UNAVAILABLE';
    return new Promise<T>((resolve, reject) => {
      if (!this.#writers.includes(writer)) return;
      const silence = new PipelineError(code, 'no answer');
      const settle = resolve as (value: unknown) => void;
      this.#pending.push({ writer, run, cut, silence, resolve: settle, reject });
    });
  }

  /** The file system as one writer sees it: every call is a request with a fate of its own. */
  files(writer: number): FileSystem & Pick<WebHdfs, 'concat'> {
    const memory = this.#memory;
    return {
      concat: async (from, to) => {
        const concat = () => memory.concat(from, to);
        if (await this.send(writer, concat, { isRename: true })) return 'moved';
        const isThere = await this.send(writer, () => memory.status(from));
        return isThere === undefined ? 'source-missing' : 'target-missing';
      },
      create: (path, body) => {
        const content = bytesOf(body);
        const half = content.subarray(0, content.length >> 1);
        return this.send(writer, () => memory.create(path, content), {
          cut: () => memory.create(path, half),
        });
      },
      renameNoReplace: (from, to) =>
        this.send(writer, () => memory.rename(from, to), { isRename: true }),
      read: (path) => this.send(writer, () => memory.contents.get(path)),
      status: (path) => this.send(writer, () => memory.status(path)),
      list: (path) => this.send(writer, () => memory.list(path)),
      makeDirectory: (path) => this.send(writer, () => memory.makeDirectory(path)),
      remove: (path) => this.send(writer, () => memory.remove(path)),
      close: () => {},
    };
  }
}

/** Carries out a request whose sender hears nothing of it. */
function attempt(run: () => unknown): void {
  try {
    run();
  } catch {
    // Refused, and nobody is there to be told.
  }
}
