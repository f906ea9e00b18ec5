// The sources under proof, each with a double that misbehaves: how its producer is set up, and which posts must arrive.
import { JetstreamDouble, type JetstreamFault } from '../doubles/bluesky.ts';
import type { Mix } from '../doubles/faults.ts';
import type { Double } from '../doubles/loopback.ts';
import { MastodonDouble, type MastodonFault } from '../doubles/mastodon.ts';
import { Timeline } from '../doubles/timeline.ts';
import { XApiDouble, type XFault } from '../doubles/x-api.ts';
import { GrowingFile } from './growing-file.ts';

export interface Load {
  readonly posts: number;
  /** Posts a second. */
  readonly rate: number;
  readonly seed: number;
  /** Posts between two faults of a stream, on average. */
  readonly postsBetween: number;
  /** Leave out faults that cost half a minute each. */
  readonly spareTime: boolean;
}

export interface SourceUnderProof {
  /** Laid over config.json and params.json of the producer. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly producer: Readonly<Record<string, unknown>>;
  /** Of each post, in the order in which they come out. */
  readonly ids: () => string[];
  /** Posts by which the source itself may swap two of them. */
  readonly swapped: number;
  /** Called when the first post is in Kafka. */
  readonly begin?: () => void;
  readonly faults: () => ReadonlyMap<string, number>;
  close(): Promise<void>;
}

const TOKEN = 'canary-token-of-the-proof';
const SLOW = ['stall', 'black-hole'] as const;
/** Pages are asked for hundreds of times, so a small share is many. */
const PAGES_REFUSED = 0.02;
/** Of X: its pauses are 60 s and more. */
const X_REFUSED = 0.005;

export const SOURCE_CASES: Readonly<Record<string, (load: Load) => Promise<SourceUnderProof>>> = {
  lines: async ({ posts, rate, seed }) => {
    const file = new GrowingFile({ posts, rate, seed });
    return {
      config: {},
      producer: { source: 'lines', input: [file.path], follow: true },
      ids: () => file.ids,
      swapped: 0,
      begin: () => file.begin(),
      faults: () => file.faults,
      close: () => file.close(),
    };
  },
  bluesky: async (load) => {
    // After each connection it reads 5 to 30 s again: with faults in each of those it would hardly go on.
    const postsBetween = load.postsBetween + (load.spareTime ? 0 : 15 * load.rate);
    const timeline = new Timeline({ count: load.posts, rate: load.rate });
    const doubles = [load.seed, load.seed + 1].map((misbehave) => {
      const mix: Mix<JetstreamFault> = load.spareTime ? { spared: SLOW } : {};
      return new JetstreamDouble({ timeline, misbehave, postsBetween, mix });
    });
    const hosts = await Promise.all(doubles.map((double) => double.listen()));
    const [first] = doubles;
    return proven('bluesky', { bluesky: { hosts } }, doubles, () =>
      numbers(load.posts).map((index) => first?.idOf(index) ?? ''),
    );
  },
  mastodon: (load) => mastodon(load, TOKEN),
  'mastodon-polling': (load) => mastodon(load, undefined),
  x: (load) => x(load, []),
  'x-search': (load) => x(load, ['stream']),
};

async function mastodon(load: Load, token: string | undefined): Promise<SourceUnderProof> {
  const timeline = new Timeline({ count: load.posts, rate: load.rate });
  const mix: Mix<MastodonFault> = {
    ...(load.spareTime ? { spared: SLOW } : {}),
    refusedShare: PAGES_REFUSED,
  };
  const double = new MastodonDouble({
    ...{ timeline, token: TOKEN, misbehave: load.seed, postsBetween: load.postsBetween, mix },
    // The real limit of 300 in 5 minutes would let fewer posts through than come out.
    ...{ requestsMax: 1000, windowMs: 10_000 },
  });
  const url = await double.listen();
  const server = token === undefined ? { url } : { url, token };
  return proven('mastodon', { mastodon: { servers: [server] } }, [double], () =>
    numbers(load.posts).map((index) => double.idOf(index)),
  );
}

async function x(load: Load, lacks: readonly 'stream'[]): Promise<SourceUnderProof> {
  const timeline = new Timeline({ count: load.posts, rate: load.rate });
  const { seed: misbehave, postsBetween } = load;
  const mix: Mix<XFault> = {
    ...(load.spareTime ? { spared: SLOW } : {}),
    refusedShare: X_REFUSED,
  };
  const faults = { misbehave, postsBetween, mix };
  // The real limit of 450 in 15 minutes would let fewer posts through than come out.
  const double = new XApiDouble({ timeline, token: TOKEN, ...faults, lacks, searchesMax: 10_000 });
  const config = { x: { apiUrl: await double.listen(), bearerToken: TOKEN } };
  return proven('x', config, [double], () =>
    numbers(load.posts).map((index) => double.post(index).id),
  );
}

type FaultyDouble = Double & { readonly faults: { readonly counts: ReadonlyMap<string, number> } };

function proven(
  source: string,
  config: Readonly<Record<string, unknown>>,
  doubles: readonly FaultyDouble[],
  ids: () => string[],
): SourceUnderProof {
  return {
    ...{ config, producer: { source }, ids, swapped: 1 },
    faults: () => {
      const all = doubles.flatMap((double) => [...double.faults.counts]);
      const sums = new Map<string, number>();
      for (const [name, count] of all) sums.set(name, (sums.get(name) ?? 0) + count);
      return sums;
    },
    close: async () => {
      await Promise.all(doubles.map((double) => double.close()));
    },
  };
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);
