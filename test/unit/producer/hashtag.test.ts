// Hashtags are compared as people mean them.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { carriesHashtag, hashtagsIn, normaliseHashtag } from '../../../producer/hashtag.ts';

suite('hashtag', () => {
  test('is compared without #, in any case, width and composition', () => {
    assert.equal(normaliseHashtag('#Kafka'), 'kafka');
    assert.equal(normaliseHashtag('＃Ｋａｆｋａ'), 'kafka');
    assert.equal(normaliseHashtag('caf\u0065\u0301'), normaliseHashtag('#CAFÉ'));
  });

  test('is found in text of any script, each once and in order', () => {
    assert.deepEqual(hashtagsIn('#a b #データ, #a ＃größe. x#y #'), ['a', 'データ', 'größe', 'y']);
  });

  test('is carried by the list or by the text, and only as a whole word', () => {
    assert.ok(carriesHashtag('kafka', 'I like #Kafka!'));
    assert.ok(carriesHashtag('#kafka', 'nothing here', ['KAFKA']));
    assert.ok(!carriesHashtag('kafka', '#kafkaesque kafka'));
  });
});
