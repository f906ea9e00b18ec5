// `producer '#kafka' '#hive' --source bluesky,mastodon` as a user starts it: two sources, two hashtags, one topic.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { configSchema } from '../../params/schema.ts';
import { JetstreamDouble } from '../doubles/bluesky.ts';
import { MastodonDouble } from '../doubles/mastodon.ts';
import { Timeline } from '../doubles/timeline.ts';
import { eventually } from '../support/eventually.ts';
import { ProducerProcess } from '../support/producer-process.ts';
import { stateDirectory } from '../support/settings.ts';
import { stackEndpoints, uniqueName } from '../support/stack.ts';
import { readTopic } from '../support/topic.ts';

const COUNT = 300;
const token = 'canary-token-of-the-test';

test('posts of both arrive; when one is refused for good the error names it, and the posts of the other are in Kafka', async () => {
  const bluesky = new JetstreamDouble({ timeline: new Timeline({ count: COUNT, rate: 100 }) });
  const endless = new Timeline({ rate: 50, hashtag: 'hive' });
  const mastodon = new MastodonDouble({ timeline: endless, token });
  const { kafka } = configSchema.parse({ kafka: stackEndpoints().kafka });
  const [host, url] = [await bluesky.listen(), await mastodon.listen()];
  const directory = stateDirectory();
  const topic = uniqueName('t');
  const config = {
    kafka: { brokers: kafka.brokers },
    ...{ bluesky: { hosts: [host] }, mastodon: { servers: [{ url, token }] } },
  };
  writeFileSync(join(directory, 'config.json'), JSON.stringify(config));
  writeFileSync(join(directory, 'params.json'), JSON.stringify({ topic }));
  const args = ['#kafka', '#hive', '--source', 'bluesky,mastodon'];
  const producer = new ProducerProcess({ directory, args });
  const cursors = () => readFileSync(join(directory, 'state/cursors.json'), 'utf8');
  const idsIn = async () => {
    const values = await readTopic(kafka, topic);
    return values.map((value) => JSON.parse(String(value)).id as string);
  };
  try {
    await eventually(() => assert.match(cursors(), /"hosts"/));
    const names = Object.keys(JSON.parse(cursors()).topics[topic].sources);
    const { host: server } = new URL(url);
    const wanted = ['bluesky', `mastodon ${server} #hive`, `mastodon ${server} #kafka`];
    assert.deepEqual(names, wanted);
    await eventually(() => assert.ok(endless.out > 20, 'posts of Mastodon are out'));
    await eventually(async () => {
      const ids = await idsIn();
      assert.ok(ids.includes(mastodon.idOf(10)) && ids.includes(bluesky.idOf(COUNT - 1)));
    });
    // Refused is who asks again, and both streams do when they are cut.
    mastodon.misbehave('unauthorized');
    mastodon.misbehave('drop');
    assert.equal(await producer.ended(), 4, producer.told);
    const [error = ''] = producer.told.split('\n').filter((line) => line.includes('SOURCE_'));
    assert.match(error, /mastodon/i, 'the one that was refused');
    assert.doesNotMatch(error, /bluesky/i);
    const ids = await idsIn();
    assert.equal(new Set(ids).size, ids.length, 'each once');
    const lost = Array.from({ length: COUNT }, (_, index) => bluesky.idOf(index)).filter(
      (id) => !ids.includes(id),
    );
    assert.deepEqual(lost, []);
  } finally {
    producer.signal('SIGKILL');
    await Promise.all([bluesky.close(), mastodon.close()]);
  }
});
