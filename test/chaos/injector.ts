// Carries out the faults of a schedule at their times: those of processes on the members, the rest through the world.
import { setMaxListeners } from 'node:events';
import { type Clock, systemClock } from '../../pipeline/clock.ts';
import { describe } from '../../pipeline/errors.ts';
import type { ChaosWorld, Fault } from './fault.ts';
import type { Member } from './member.ts';

export interface Cast {
  readonly producers: readonly Member[];
  readonly consumers: readonly Member[];
  /** The one that joins and leaves; not running between its visits. */
  readonly visitor: Member;
}

export interface Injected {
  readonly fault: Fault;
  readonly beganMs: number;
  readonly endedMs: number;
  /** `missed`: there was nobody to hit, or nothing passed the step that was aimed at. */
  readonly outcome: 'hit' | 'missed' | string;
}

/**
 * Begins each fault at its time and returns at `endMs`, or when `signal` aborts. What is not over then is ended on the
 * members; the world's own faults end with `world.heal()`, and `settled` waits for them.
 */
export class Injector {
  readonly done: Injected[] = [];
  readonly #cast: Cast;
  readonly #world: ChaosWorld;
  readonly #clock: Clock;
  readonly #under: Promise<void>[] = [];
  readonly #over = new AbortController();

  constructor(cast: Cast, world: ChaosWorld, clock: Clock = systemClock) {
    this.#cast = cast;
    this.#world = world;
    this.#clock = clock;
    // Many faults at a time wait for their end.
    setMaxListeners(0, this.#over.signal);
  }

  async run(faults: readonly Fault[], endMs: number, signal: AbortSignal): Promise<void> {
    const began = this.#clock.monotonic();
    const until = (atMs: number) =>
      this.#clock.sleep(Math.max(0, began + atMs - this.#clock.monotonic()), signal);
    try {
      for (const fault of faults) {
        await until(fault.atMs);
        this.#under.push(this.#carryOut(fault, began));
      }
      await until(endMs);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.#over.abort();
    }
  }

  /** Every fault is undone. Call it after `world.heal()`. */
  async settled(): Promise<void> {
    await Promise.all(this.#under);
  }

  async #carryOut(fault: Fault, began: number): Promise<void> {
    const since = () => Math.round(this.#clock.monotonic() - began);
    const beganMs = since();
    const outcome = await this.#perform(fault).then(
      (isHit) => (isHit ? 'hit' : 'missed'),
      (error: unknown) => `failed: ${describe(error)}`,
    );
    this.done.push({ fault, beganMs, endedMs: since(), outcome });
  }

  async #perform(fault: Fault): Promise<boolean> {
    const { producers, consumers } = this.#cast;
    const { signal } = this.#over;
    const { durationMs } = fault;
    switch (fault.kind) {
      case 'kill-producer':
        return (await producers[fault.target]?.kill(durationMs)) ?? false;
      case 'kill-consumer':
        return (await consumers[fault.target]?.kill(durationMs)) ?? false;
      case 'freeze-consumer':
        return (await consumers[fault.target]?.freeze(durationMs, signal)) ?? false;
      case 'aimed': {
        const { step, how, target } = fault;
        return (await consumers[target]?.aim(step, how, durationMs, signal)) ?? false;
      }
      case 'state-disk-full':
        return (await consumers[fault.target]?.limitDisk(durationMs, signal)) ?? false;
      case 'join-leave':
        return this.#visit(fault.everyMs, durationMs);
      default:
        await this.#world.inject(fault);
        return true;
    }
  }

  async #visit(everyMs: number, durationMs: number): Promise<boolean> {
    const { visitor } = this.#cast;
    if (visitor.isAlive) return false;
    const end = this.#clock.monotonic() + durationMs;
    while (this.#clock.monotonic() < end && !this.#over.signal.aborted) {
      visitor.start();
      await this.#clock.sleep(everyMs, this.#over.signal).catch(() => undefined);
      await visitor.stop();
    }
    return true;
  }
}
