// The registry of sources: the name in params.json, and how each is made from the settings.
import type { Settings } from '../../params/schema.ts';
import { PipelineError } from '../../pipeline/errors.ts';
import type { CommandDeps } from '../../pipeline/lifecycle.ts';
import type { Source } from '../../pipeline/source.ts';
import { LinesSource } from './lines.ts';
import { XSource } from './twitter.ts';

/** The source of `producer.source`. Opens nothing. Throws CONFIG_CREDENTIALS_MISSING, or USAGE for what it lacks. */
export function createSource(settings: Settings, deps: CommandDeps): Source {
  const { params, config } = settings;
  switch (params.producer.source) {
    case 'lines':
      return new LinesSource({
        inputs: params.producer.input,
        raw: params.producer.raw,
        hashtag: params.hashtag,
      });
    case 'x':
      return new XSource({
        config: config.x,
        hashtag: params.hashtag ?? missingHashtag(),
        retryMs: params.limits.retryMs,
        log: deps.log,
        clock: deps.clock,
      });
  }
}

function missingHashtag(): never {
  throw new PipelineError('USAGE', 'the source x needs a hashtag to look for', {
    hint: "`kafka-hive producer '#kafka'` (with the quotes), or hashtag in params.json.",
  });
}
