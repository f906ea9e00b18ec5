// One process at a time holds a file. Its claim is an empty file whose name says who it is:
//   <file>.lock.<host>.<pid>.<start time>
// A claim belongs to one process only, so removing that of a dead one can never take the lock from a live one (a single
// lock file that is taken over by two processes at once could). Claim first, look second: of two that start together
// at least one sees the other; both may, then both try again after a random pause.
import { execFile } from 'node:child_process';
import { open, readdir, readFile, readlink, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Clock } from '../../pipeline/clock.ts';
import { invariant, PipelineError } from '../../pipeline/errors.ts';
import { type FileKind, unwritable } from './file-kind.ts';

/** How often a holder shows that it lives, and the silence after which one on another host counts as dead. */
const TOUCH_MS = 5_000;
const SILENCE_MS_MAX = 30_000;
const ATTEMPTS = 3;
const PAUSE_MS_MAX = 100;

interface Owner {
  /** Host and process name space: a pid means something only within it. */
  readonly host: string;
  readonly pid: number;
  /** When the process started, in whatever unit the system has; tells two processes of one pid apart. */
  readonly started: string;
}

export class FileLock {
  readonly #file: string;
  readonly #kind: FileKind;
  readonly #claim: string;
  readonly #touching: NodeJS.Timeout;

  private constructor(file: string, kind: FileKind, claim: string) {
    this.#file = file;
    this.#kind = kind;
    this.#claim = claim;
    this.#touching = setInterval(() => void touch(claim).catch(() => {}), TOUCH_MS);
    this.#touching.unref();
  }

  /**
   * Takes the lock of `file`, from a dead process too. Throws POSITION_LOCKED naming the process that holds it (this
   * one included), POSITION_UNWRITABLE when the directory cannot be written.
   */
  static async take(
    file: string,
    kind: FileKind,
    clock: Clock,
    signal: AbortSignal,
  ): Promise<FileLock> {
    const self = await ownIdentity();
    const claim = claimPath(file, self);
    for (let attempt = 1; ; attempt += 1) {
      await makeClaim(file, kind, claim, self);
      const other = await liveClaim(file, self, clock).catch(async (error: unknown) => {
        await rm(claim, { force: true });
        throw unwritable(file, kind, error);
      });
      if (other === undefined) return new FileLock(file, kind, claim);
      await rm(claim, { force: true });
      if (attempt === ATTEMPTS) throw locked(file, kind, other);
      await clock.sleep(Math.random() * PAUSE_MS_MAX, signal);
    }
  }

  /** Throws POSITION_LOCKED when somebody removed our claim: this process was frozen, and another took over. */
  async check(): Promise<void> {
    await touch(this.#claim).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw unwritable(this.#file, this.#kind, error);
      throw new PipelineError(
        'POSITION_LOCKED',
        `${this.#file} was taken over by another process`,
        {
          hint: 'This process was silent for too long. Start it again if the other one is not wanted.',
          context: { file: this.#file },
        },
      );
    });
  }

  async release(): Promise<void> {
    clearInterval(this.#touching);
    await rm(this.#claim, { force: true });
  }
}

async function makeClaim(file: string, kind: FileKind, claim: string, self: Owner): Promise<void> {
  try {
    await (await open(claim, 'wx')).close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unwritable(file, kind, error);
    throw locked(file, kind, { claim, owner: self });
  }
}

interface Claim {
  readonly claim: string;
  readonly owner: Owner;
}

/** Another live process's claim on `file`, if there is one. Removes those of dead ones on the way. */
async function liveClaim(file: string, self: Owner, clock: Clock): Promise<Claim | undefined> {
  const prefix = `${basename(file)}.lock.`;
  for (const name of await readdir(dirname(file))) {
    if (!name.startsWith(prefix)) continue;
    const owner = parseOwner(name.slice(prefix.length));
    const claim = join(dirname(file), name);
    if (owner === undefined || isSame(owner, self)) continue;
    if (await isAlive(owner, claim, self, clock)) return { claim, owner };
    await rm(claim, { force: true });
  }
  return undefined;
}

async function isAlive(owner: Owner, claim: string, self: Owner, clock: Clock): Promise<boolean> {
  if (owner.host === self.host) return (await startOf(owner.pid)) === owner.started;
  const shown = await stat(claim).catch(() => undefined);
  return shown !== undefined && clock.now() - shown.mtimeMs < SILENCE_MS_MAX;
}

function locked(file: string, kind: FileKind, { claim, owner }: Claim): PipelineError {
  const who = owner.pid === process.pid ? 'this process' : `process ${owner.pid} on ${owner.host}`;
  return new PipelineError('POSITION_LOCKED', `${file} is held by ${who}`, {
    hint:
      `Stop that process, or give this one a ${kind.name} of its own (${kind.setting})${kind.hints.locked}. ` +
      `A process that died frees it by itself, on another host after ${SILENCE_MS_MAX / 1000} s.`,
    context: { file, pid: owner.pid, host: owner.host, lock: claim },
  });
}

function claimPath(file: string, { host, pid, started }: Owner): string {
  return `${file}.lock.${host}.${pid}.${started}`;
}

function parseOwner(text: string): Owner | undefined {
  const parts = /^(?<host>.+)\.(?<pid>\d+)\.(?<started>[^.]+)$/.exec(text)?.groups;
  if (parts?.['host'] === undefined || parts['started'] === undefined) return undefined;
  return { host: parts['host'], pid: Number(parts['pid']), started: parts['started'] };
}

function isSame(a: Owner, b: Owner): boolean {
  return a.host === b.host && a.pid === b.pid && a.started === b.started;
}

async function touch(claim: string): Promise<void> {
  const now = new Date();
  await utimes(claim, now, now);
}

async function ownIdentity(): Promise<Owner> {
  const started = await startOf(process.pid);
  invariant(started !== undefined, 'this process does not live');
  const space = await readlink('/proc/self/ns/pid').catch(() => '');
  const digits = space.replace(/\D/g, '');
  return { host: `${hostname()}${digits ? `+${digits}` : ''}`, pid: process.pid, started };
}

/** When process `pid` started; undefined when it does not run (any more). */
async function startOf(pid: number): Promise<string | undefined> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => undefined);
  return boot === undefined ? startByPs(pid) : startByProc(pid, boot.slice(0, 8));
}

async function startByProc(pid: number, boot: string): Promise<string | undefined> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The name of the program stands in parentheses and may hold spaces; state is the first field behind it.
  const fields = line?.slice(line.lastIndexOf(')') + 2).split(' ');
  const [state, ticks] = [fields?.[0], fields?.[19]];
  return ticks === undefined || state === 'Z' || state === 'X' ? undefined : `${boot}-${ticks}`;
}

async function startByPs(pid: number): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)]);
    return stdout.trim().replace(/\W+/g, '-') || undefined;
  } catch {
    return undefined;
  }
}
