// Posts of Bluesky as apps write them, well and badly; and which of them are wanted.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { blueskyHashtags, postFromBluesky } from '../../../../producer/sources/bluesky-post.ts';
import { Wanted } from '../../../../producer/sources/wanted.ts';

const TIME_US = Date.UTC(2026, 10, 22) * 1000;
const created = (record: Record<string, unknown>) => ({ did: 'did:plc:a', rkey: '3m', record });
const facet = (tag: unknown) => ({ features: [{ $type: 'app.bsky.richtext.facet#tag', tag }] });

suite('a post of Bluesky', () => {
  test('has its own address, its author, and its text untouched', () => {
    const record = {
      text: ' a\n#b ',
      createdAt: '2026-11-21T23:59:58.123+01:00',
      langs: ['pt-BR', 'en'],
    };
    assert.deepEqual(postFromBluesky(created(record), TIME_US), {
      id: 'at://did:plc:a/app.bsky.feed.post/3m',
      author: 'did:plc:a',
      text: ' a\n#b ',
      hashtags: [],
      lang: 'pt-BR',
      created_at: '2026-11-21T22:59:58.123Z',
      source: 'bluesky',
      url: 'https://bsky.app/profile/did:plc:a/post/3m',
    });
  });

  test('has the hashtags its app marked and those out of sight, each once', () => {
    const record = { facets: [facet('Kafka'), facet('#hive')], tags: ['Kafka', '＃data'] };
    assert.deepEqual(blueskyHashtags(created(record)), ['Kafka', 'hive', 'data']);
  });

  test('a time that is none gives way to when the server saw it', () => {
    for (const createdAt of [
      undefined,
      'yesterday',
      '2026-13-45',
      7e15,
      '+012026-01-01T00:00:00Z',
    ]) {
      const post = postFromBluesky(created({ text: '', createdAt }), TIME_US);
      assert.equal(post?.created_at, '2026-11-22T00:00:00.000Z', String(createdAt));
    }
  });

  test('fields of any type do no harm; without a text it is no post', () => {
    const odd = { facets: [null, 7, { features: 'x' }, facet(5)], tags: { a: 1 }, langs: 'en' };
    assert.deepEqual(blueskyHashtags(created(odd)), []);
    assert.equal(postFromBluesky(created({ ...odd, text: 'x' }), TIME_US)?.lang, null);
    assert.equal(postFromBluesky(created({ text: 5 }), TIME_US), undefined);
  });
});

suite('wanted posts', () => {
  test('carry a hashtag in any case and width', () => {
    const wanted = new Wanted({ hashtags: ['#Kafka', 'hive'], languages: [] });
    assert.ok(wanted.carries(['x', 'ＫＡＦＫＡ']));
    assert.ok(wanted.carries(['HIVE']));
    assert.ok(!wanted.carries(['kafka2']));
    assert.ok(new Wanted({ hashtags: [], languages: [] }).carries([]));
  });

  test('speak a language, with or without its region; und stands for none', () => {
    const wanted = new Wanted({ hashtags: [], languages: ['en', 'pt-BR', 'und'] });
    for (const tags of [['en'], ['EN-gb'], ['fr', 'en'], ['pt-br'], []])
      assert.ok(wanted.speaks(tags));
    for (const tags of [['pt'], ['fr'], ['eng']]) assert.ok(!wanted.speaks(tags));
    assert.ok(!new Wanted({ hashtags: [], languages: ['en'] }).speaks([]));
  });
});
