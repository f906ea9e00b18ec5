// The registry of sources: the names in params.json, and how each is made from the settings.
import type { Settings } from '../../params/schema.ts';
import { PipelineError } from '../../pipeline/errors.ts';
import type { CommandDeps } from '../../pipeline/lifecycle.ts';
import type { Source } from '../../pipeline/source.ts';
import { BlueskySource } from './bluesky.ts';
import { LinesSource } from './lines.ts';
import { MastodonSource } from './mastodon.ts';
import { XSource } from './twitter.ts';

type SourceName = Settings['params']['producer']['source'][number];
/** Puts a question to a person. */
export type Confirm = (question: string) => Promise<boolean>;
type Make = (settings: Settings, deps: CommandDeps, confirm?: Confirm) => readonly Source[];

const MAKE: Readonly<Record<SourceName, Make>> = {
  lines: ({ params }, { log, clock }) => {
    const { producer, hashtag = [] } = params;
    return [
      new LinesSource({ ...producer, inputs: producer.input, hashtags: hashtag, log, clock }),
    ];
  },
  bluesky: ({ params, config }, { log, clock }) => [
    new BlueskySource({
      ...{ hosts: config.bluesky.hosts, languages: params.producer.languages },
      ...{ hashtags: hashtagsFor('bluesky', params), retryMs: params.limits.retryMs, log, clock },
    }),
  ],
  // A server filters by one hashtag at a time, and numbers its posts by itself: each pair has a cursor of its own.
  mastodon: ({ params, config }, { log, clock }) =>
    config.mastodon.servers.flatMap((server) =>
      hashtagsFor('mastodon', params).map((hashtag) => {
        const { languages } = params.producer;
        const { retryMs } = params.limits;
        return new MastodonSource({ server, hashtag, languages, retryMs, log, clock });
      }),
    ),
  x: ({ params, config }, { log, clock }, confirm) => [
    new XSource({
      ...{ config: config.x, wishes: params.producer.x, languages: params.producer.languages },
      ...{ hashtags: hashtagsFor('x', params), log, clock },
      ...{ retryMs: params.limits.retryMs, postsPerDay: params.limits.postsPerDay },
      mayDelete:
        confirm && ((rules) => confirm(`Delete these rules of others? ${rules.join(' | ')}`)),
    }),
  ],
};

/**
 * The sources of `producer.source`, whose names differ: a hashtag that is given in two ways, or a server given twice, is one
 * source. Opens nothing. `confirm` is asked before what others made is deleted;
 * undefined: the settings are word enough. Throws CONFIG_CREDENTIALS_MISSING, or USAGE for
 * what one lacks.
 */
export function createSources(settings: Settings, deps: CommandDeps, confirm?: Confirm): Source[] {
  const { source } = settings.params.producer;
  const all = source.flatMap((name) => MAKE[name](settings, deps, confirm));
  return all.filter(({ name }, at) => all.findIndex((other) => other.name === name) === at);
}

function hashtagsFor(source: SourceName, { hashtag = [] }: Settings['params']): readonly string[] {
  if (hashtag.length > 0) return hashtag;
  throw new PipelineError('USAGE', `the source ${source} needs a hashtag to look for`, {
    hint: "`kafka-hive producer '#kafka'` (with the quotes), or hashtag in params.json.",
  });
}
