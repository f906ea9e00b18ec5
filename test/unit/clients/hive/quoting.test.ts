// Literals and names of HiveQL. What the server makes of them is shown in test/servers/hive-quoting.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { quoteName, quoteString, wellFormed } from '../../../../clients/hive/quoting.ts';

test('characters that would end or change a literal are escaped', () => {
  assert.equal(quoteString(`it's`), String.raw`'it\'s'`);
  assert.equal(quoteString('a\\b'), String.raw`'a\\b'`);
  assert.equal(quoteString('a\nb\rc\0d\u001ae'), String.raw`'a\nb\rc\0d\Ze'`);
});

test('a dollar never stands in a literal, so no variable of the server is substituted', () => {
  assert.equal(quoteString(`\${env:HOME}`), String.raw`'\u0024{env:HOME}'`);
});

test('emoji and right-to-left text stay as they are', () => {
  assert.equal(quoteString('😀 שלום'), "'😀 שלום'");
});

test('a lone surrogate becomes U+FFFD, a pair stays', () => {
  assert.equal(wellFormed('a\ud83db😀\ude00'), 'a\ufffdb😀\ufffd');
});

test('whatever the text, the literal has one quote at each end and none unescaped between', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const literal = quoteString(text);
      const inside = literal.slice(1, -1).replace(/\\./gs, '');
      assert.match(literal, /^'.*'$/s);
      assert.doesNotMatch(inside, /['\\\n\r\0$]/);
    }),
  );
});

test('a name stands in backticks, and one that Hive cannot hold is refused', () => {
  assert.equal(quoteName('select'), '`select`');
  for (const name of ['a`b', '', '1a', 'a b', `\${x}`, 'ä', 'x'.repeat(129)]) {
    assert.throws(() => quoteName(name), { code: 'CONFIG_INVALID' });
  }
});
