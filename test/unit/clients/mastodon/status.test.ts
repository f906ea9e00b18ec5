// Ids and texts of Mastodon's statuses.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { plainText } from '../../../../clients/mastodon/plain-text.ts';
import { earlierId, isNewer, olderOf, statusIn } from '../../../../clients/mastodon/status.ts';

suite('ids of statuses', () => {
  test('longer is newer, and of the same length the greater text', () => {
    assert.ok(isNewer('10', '9'));
    assert.ok(isNewer('115000000000000002', '115000000000000001'));
    assert.ok(!isNewer('115000000000000001', '115000000000000001'));
    assert.ok(isNewer('01JD0000000000000000000002', '01JD0000000000000000000001'));
  });

  test('an earlier id has its time moved back; one without a time stays as it is', () => {
    const id = (1_795_000_000_000n << 16n) + 77n;
    assert.equal(earlierId(String(id), 120_000), String(1_794_999_880_000n << 16n));
    for (const other of ['0', '12345', '01JD0000000000000000000002', 'AoQ5hk']) {
      assert.equal(earlierId(other, 120_000), other);
    }
  });

  test('the older of an id and a time; an id without a time, or counted from another year, stays as it is', () => {
    const now = 1_795_000_000_000;
    const id = String((BigInt(now) << 16n) + 77n);
    assert.equal(olderOf(id, now + 1), id);
    assert.equal(olderOf(id, now - 120_000), String(BigInt(now - 120_000) << 16n));
    const fromAnotherYear = String(BigInt(now - 1_549_756_800_000) << 22n);
    for (const other of ['0', '12345', '01JD0000000000000000000002', fromAnotherYear]) {
      assert.equal(olderOf(other, now), other);
    }
  });

  test('anything that lacks id, address or text is no status', () => {
    assert.ok(statusIn({ id: '1', uri: 'u', content: '' }));
    for (const other of [null, 'text', [], {}, { id: 1, uri: 'u', content: '' }, { id: '1' }]) {
      assert.equal(statusIn(other), undefined);
    }
  });
});

suite('the text of a status', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['paragraphs and breaks', '<p>one<br>two<br />three</p><p>four</p>', 'one\ntwo\nthree\n\nfour'],
    [
      'a hashtag',
      '<p>on <a href="https://m.example/tags/kafka" class="mention hashtag" rel="tag">#<span>Kafka</span></a>!</p>',
      'on #Kafka!',
    ],
    [
      'a shortened link, whole',
      '<a href="https://e.example/a/b"><span class="invisible">https://</span><span class="ellipsis">e.example/a</span><span class="invisible">/b</span></a>',
      'https://e.example/a/b',
    ],
    [
      'signs',
      '<p>a &lt; b &amp;&amp; c &gt; d &quot;e&quot; &#39;f&#39;</p>',
      'a < b && c > d "e" \'f\'',
    ],
    [
      'emoji shortcodes, as text and as pictures',
      ':cat: <img alt=":dog:" src="d.png">',
      ':cat: :dog:',
    ],
    [
      'zero-width signs and other scripts',
      '<p>a\u200bb 日本 👩‍👩‍👧 العربية</p>',
      'a\u200bb 日本 👩‍👩‍👧 العربية',
    ],
    ['headings as they are written', '<h1>Mixed Case</h1>', 'Mixed Case'],
    ['nothing', '', ''],
  ];
  for (const [what, html, text] of cases) {
    test(`keeps ${what}`, () => assert.equal(plainText(html), text));
  }
});
