// Reading record values: JSON, text, what is neither, and tombstones.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  decodeTombstone,
  decodeValue,
  Fault,
  hasRest,
  withoutLoneSurrogates,
} from '../../../pipeline/codec.ts';

const codeOf = (value: Buffer, format: 'json' | 'text') => {
  const decoded = decodeValue(value, format);
  return decoded instanceof Fault ? decoded.code : undefined;
};

test('any JSON text is decoded to what JSON.parse makes of it, its text as it came', () =>
  fc.assert(
    fc.property(fc.json(), (text) => {
      const decoded = decodeValue(Buffer.from(text), 'json');
      assert.deepEqual(decoded, { text, json: JSON.parse(text) });
    }),
  ));

test('any bytes decode to a text that encodes to the same bytes, or are said not to be UTF-8', () =>
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), (array) => {
      const bytes = Buffer.from(array);
      const decoded = decodeValue(bytes, 'text');
      const isUtf8 = Buffer.from(bytes.toString('utf8')).equals(bytes);
      if (decoded instanceof Fault) {
        assert.equal(decoded.code, 'CODEC_NOT_UTF8');
        assert.equal(isUtf8, false);
      } else assert.ok(Buffer.from(decoded.text).equals(bytes));
    }),
  ));

test('a real U+FFFD is text, a wrong byte is not', () => {
  assert.equal(codeOf(Buffer.from('"\ufffd"'), 'json'), undefined);
  assert.equal(codeOf(Buffer.from([0x22, 0xc3, 0x28, 0x22]), 'json'), 'CODEC_NOT_UTF8');
  assert.equal(codeOf(Buffer.from([0xed, 0xa0, 0x80]), 'text'), 'CODEC_NOT_UTF8');
});

test('zero bytes are a text, and no JSON', () => {
  assert.deepEqual(decodeValue(Buffer.alloc(0), 'text'), { text: '', json: undefined });
  assert.equal(codeOf(Buffer.alloc(0), 'json'), 'CODEC_NOT_JSON');
});

test('a byte order mark before JSON is passed over and stays in the text', () => {
  assert.deepEqual(decodeValue(Buffer.from('\ufeff{"a":1}'), 'json'), {
    text: '\ufeff{"a":1}',
    json: { a: 1 },
  });
  assert.equal(codeOf(Buffer.from('\ufeff\ufeff{}'), 'json'), 'CODEC_NOT_JSON');
});

test('more than one JSON text, or part of one, is no JSON', () => {
  for (const text of [
    '1},{"kafka_offset":5',
    '{}{}',
    '{}\n{}',
    '{"a":',
    'NaN',
    "{'a':1}",
    '01',
    ' ',
  ])
    assert.equal(codeOf(Buffer.from(text), 'json'), 'CODEC_NOT_JSON', text);
});

test('the last of duplicate keys counts', () => {
  assert.deepEqual(decodeValue(Buffer.from('{"a":1,"a":2}'), 'json'), {
    text: '{"a":1,"a":2}',
    json: { a: 2 },
  });
});

test('a fault does not show the value', () => {
  const fault = decodeValue(Buffer.from('secret'), 'json');
  assert.ok(fault instanceof Fault);
  assert.doesNotMatch(JSON.stringify(fault), /secret/);
});

test('a tombstone goes where the policy says', () => {
  assert.equal(decodeTombstone('skip'), 'skip');
  assert.equal(decodeTombstone('write'), 'row');
  const fault = decodeTombstone('dead-letter');
  assert.ok(fault instanceof Fault && fault.code === 'CODEC_TOMBSTONE');
});

test('the rest is kept when the value is no object or has a field that no column takes', () => {
  const taken = new Set(['a', 'b']);
  for (const json of [1, 'a', null, true, [], ['a'], { c: 1 }, { a: 1, '': 2 }])
    assert.equal(hasRest(json, taken), true, JSON.stringify(json));
  for (const json of [{}, { a: 1 }, { a: 1, b: { c: 1 } }])
    assert.equal(hasRest(json, taken), false, JSON.stringify(json));
  assert.equal(hasRest(JSON.parse('{"__proto__":1}'), taken), true);
});

test('only lone surrogates are replaced, so that every text survives UTF-8', () =>
  fc.assert(
    fc.property(fc.string({ unit: fc.nat(0xffff).map((c) => String.fromCharCode(c)) }), (text) => {
      assert.equal(withoutLoneSurrogates(text), Buffer.from(text, 'utf8').toString('utf8'));
    }),
  ));

test('good pairs of surrogates stay', () => {
  assert.equal(withoutLoneSurrogates('a🚀\ud800b\udc00🚀'), 'a🚀\ufffdb\ufffd🚀');
});
