// Hashtags, languages and prices in the words of X.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { xFields, xPrice, xQueries } from '../../../../producer/sources/x-queries.ts';
import { X_WISHES } from '../../../support/x-world.ts';

suite('queries of X', () => {
  test('one hashtag is its own query; the same one in another writing is no second', () => {
    assert.deepEqual(xQueries(['#Kafka', '＃kafka', 'KAFKA'], []), ['#kafka']);
  });

  test('languages apply to every hashtag', () => {
    assert.deepEqual(xQueries(['a', 'b'], ['en', 'DE']), ['(#a OR #b) (lang:en OR lang:de)']);
  });

  test('what is too long becomes several queries of at most 512 characters, with every hashtag once', () => {
    const hashtags = Array.from({ length: 100 }, (_, index) => `データ${index}`);
    const queries = xQueries(hashtags, ['ja']);
    assert.ok(queries.length > 1 && queries.every((query) => query.length <= 512));
    const tags = queries.flatMap((query) => query.match(/#[^\s()]+/g) ?? []);
    assert.deepEqual(
      tags,
      hashtags.map((tag) => `#${tag}`),
    );
  });

  test('a user that comes with a post costs, a field does not', () => {
    assert.ok(Math.abs(xPrice(X_WISHES) - 0.015) < 1e-9);
    assert.equal(xPrice({ ...X_WISHES, expansions: [] }), 0.005);
    assert.equal(xPrice({ ...X_WISHES, expansions: ['referenced_tweets.id'] }), 0.01);
  });

  test('the name of the author is asked for with the author', () => {
    assert.equal(xFields(X_WISHES)['user.fields'], 'username');
    const none = xFields({ ...X_WISHES, expansions: [], fields: ['lang', 'id'] });
    assert.deepEqual(none, { 'tweet.fields': 'id,text,lang' });
  });
});
