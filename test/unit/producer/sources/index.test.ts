// Which sources are made from the settings.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { configSchema, paramsSchema } from '../../../../params/schema.ts';
import { systemClock } from '../../../../pipeline/clock.ts';
import { isCode } from '../../../../pipeline/errors.ts';
import { silentLog } from '../../../../pipeline/log.ts';
import { createSources } from '../../../../producer/sources/index.ts';

const { signal } = new AbortController();

function namesOf(params: object, config: object = {}): string[] {
  const settings = { params: paramsSchema.parse(params), config: configSchema.parse(config) };
  const deps = { log: silentLog, clock: systemClock, signal, out: () => {} };
  return createSources(settings, deps).map(({ name }) => name);
}

suite('sources from the settings', () => {
  test('each pair of a Mastodon server and a hashtag is one source, in whichever way it is given twice', () => {
    const hashtag = ['#Kafka', '＃kafka', 'hive', 'kafka'];
    const servers = [{ url: 'https://a.example' }, { url: 'https://a.example/' }];
    const producer = { source: ['mastodon', 'bluesky'] };
    assert.deepEqual(namesOf({ hashtag, producer }, { mastodon: { servers } }), [
      'mastodon a.example #kafka',
      'mastodon a.example #hive',
      'bluesky',
    ]);
  });

  test('a source that looks for a hashtag is refused without one', () => {
    for (const source of ['bluesky', 'mastodon']) {
      assert.throws(
        () => namesOf({ producer: { source } }),
        (error) => isCode(error, 'USAGE') && /'#kafka'/.test(error.hint ?? ''),
      );
    }
  });
});
