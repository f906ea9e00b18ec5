// The message of a post, from payloads of X and from people's own JSON.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { encodePost, postFromJson, postFromX } from '../../../producer/post.ts';
import { makePosts } from '../../doubles/posts.ts';

suite('post', () => {
  test('of X has exactly the eight fields, with the author from the expansion', () => {
    const post = postFromX({
      data: {
        id: '1990000000000000001',
        text: 'hi &amp; #kafka',
        author_id: '7',
        created_at: '2026-11-21T20:15:00.000Z',
        lang: 'en',
        entities: { hashtags: [{ start: 9, end: 15, tag: 'kafka' }] },
      },
      includes: {
        users: [
          { id: '6', username: 'no' },
          { id: '7', username: 'ann' },
        ],
      },
    });
    assert.deepEqual(post, {
      id: '1990000000000000001',
      author: 'ann',
      text: 'hi &amp; #kafka',
      hashtags: ['kafka'],
      lang: 'en',
      created_at: '2026-11-21T20:15:00.000Z',
      source: 'x',
      url: 'https://x.com/ann/status/1990000000000000001',
    });
  });

  test('of X keeps every text of every shape, long posts whole', () => {
    for (const made of makePosts(500)) {
      const post = postFromX(JSON.parse(JSON.stringify(made.payload)));
      assert.equal(post?.id, made.id);
      assert.equal(post.text, made.text);
      assert.deepEqual(post.hashtags, made.hashtags);
      assert.equal(JSON.parse(encodePost(post).toString()).text, made.text);
    }
  });

  test('of X without the author expansion names the author by id and links without a name', () => {
    const post = postFromX({ data: { id: '1', text: 't', author_id: '7' }, errors: [{}] });
    assert.equal(post?.author, '7');
    assert.equal(post.url, 'https://x.com/i/status/1');
  });

  test('is nothing where a payload holds no post', () => {
    for (const payload of [{}, { data: {} }, { data: { id: '1' } }, null, 7, [], { foo: 1 }]) {
      assert.equal(postFromX(payload), undefined);
    }
  });

  test('of a user needs nothing but a text', () => {
    assert.deepEqual(postFromJson({ text: 'about #Kafka and #hive' }), {
      id: null,
      author: null,
      text: 'about #Kafka and #hive',
      hashtags: ['Kafka', 'hive'],
      lang: null,
      created_at: null,
      source: null,
      url: null,
    });
  });

  test('takes id_str before id, and all digits of an id above 2^53', () => {
    assert.equal(
      postFromJson({ text: '', id: 1, id_str: '1990000000000000123' })?.id,
      '1990000000000000123',
    );
    const line = '{"user":{"id":5},"id": 1990000000000000123,"text":"t"}';
    assert.equal(postFromJson(JSON.parse(line), line)?.id, '1990000000000000123');
  });

  test('takes the author from a name or an object', () => {
    const author = (fields: object) => postFromJson({ text: 't', ...fields })?.author;
    assert.equal(author({ author: 'ann' }), 'ann');
    assert.equal(author({ author: { username: 'ann', name: 'Ann B' } }), 'ann');
    assert.equal(author({ user: { screen_name: 'ann' } }), 'ann');
    assert.equal(author({ author_id: '7' }), '7');
    assert.equal(author({}), null);
  });

  test('brings times to ISO 8601 in UTC and leaves what it cannot read', () => {
    const time = (created_at: unknown) => postFromJson({ text: 't', created_at })?.created_at;
    assert.equal(time('2026-11-21T20:15:00+01:00'), '2026-11-21T19:15:00.000Z');
    assert.equal(time('2026-11-21 20:15:00'), '2026-11-21T20:15:00.000Z');
    assert.equal(time('Wed Oct 10 20:19:24 +0000 2018'), '2018-10-10T20:19:24.000Z');
    assert.equal(time(1_763_000_000), '2025-11-13T02:13:20.000Z');
    assert.equal(time(1_763_000_000_123), '2025-11-13T02:13:20.123Z');
    assert.equal(time('yesterday'), 'yesterday');
    assert.equal(time(null), null);
  });

  test('is undefined for JSON without a text', () => {
    for (const value of [{ temperature: 7 }, [1], 'text', null, { text: 5 }]) {
      assert.equal(postFromJson(value), undefined);
    }
  });

  test('keeps lone surrogates as JSON escapes, so that the bytes stay valid UTF-8', () => {
    const post = postFromJson(JSON.parse('{"text":"a\\ud800b"}'));
    assert.ok(post);
    assert.match(encodePost(post).toString(), /a\\ud800b/);
  });
});
