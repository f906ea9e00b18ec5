// Numbers from a seed: the same ones on every machine, so that a schedule can be replayed from its seed alone.
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

export class Random {
  readonly #generator;

  constructor(seed: number) {
    this.#generator = xoroshiro128plus(seed);
  }

  /** A whole number, both bounds included. */
  int(from: number, to: number): number {
    return uniformInt(this.#generator, from, to);
  }

  chance(share: number): boolean {
    return this.int(1, 1000) <= share * 1000;
  }

  /** One of a list that is not empty. */
  pick<T>(list: readonly [T, ...T[]] | readonly T[]): T {
    return list[this.int(0, list.length - 1)] as T;
  }

  /** One of the names, each as likely as its weight. At least one weight is above 0. */
  weighted<Name extends string>(weights: Readonly<Partial<Record<Name, number>>>): Name {
    const all = Object.entries(weights) as [Name, number][];
    let at = this.int(
      1,
      all.reduce((sum, [, weight]) => sum + weight, 0),
    );
    for (const [name, weight] of all) {
      at -= weight;
      if (at <= 0) return name;
    }
    throw new Error('weights without a sum');
  }
}
