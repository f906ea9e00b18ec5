// Records that are known by how they are written: those that are like one that was shown, and never one that is not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FlatTexts } from '../../../../consumer/sinks/flat-texts.ts';
import { LocationLines } from '../../../../consumer/sinks/location-lines.ts';
import { Fault } from '../../../../pipeline/codec.ts';

const RECORD = {
  timestamp: '2026-11-22T05:00:00.000Z',
  ...{ city: 'São Paulo', country: 'Brasil', country_code: 'BR' },
  ...{ temperature: 36.5, windspeed: 12, weather_code: 3 },
  ...{ wind_alert_level: 'level_1', heat_alert_level: 'level_2', location: 'BR/São-Paulo' },
  ...{ latitude: -23.5, longitude: null, timezone: 'America/Sao_Paulo', sensor: 'a "b"', 'a.b': 1 },
};
const TEXT = JSON.stringify(RECORD);

function show(texts: FlatTexts, text: string): void {
  for (let times = 0; times < 101; times += 1) {
    texts.learn(text, Object.keys(JSON.parse(text)), 'BR/São-Paulo');
  }
}

function shown(text: string): FlatTexts {
  const texts = new FlatTexts();
  show(texts, text);
  return texts;
}

test('a record is known that has the fields of one that was shown, in its order, and is of its place', () => {
  const texts = shown(TEXT);
  assert.equal(texts.locationOf(TEXT), 'BR/São-Paulo');
  for (const change of [
    { temperature: 25, heat_alert_level: 'level_1' },
    { temperature: -0.25, heat_alert_level: 'level_0', windspeed: 21, wind_alert_level: 'level_2' },
    { timestamp: '2027-02-28T23:59:59.999Z' },
    { latitude: null, longitude: 46.123456, weather_code: null },
    { sensor: 12, 'a.b': true },
    { sensor: '\u2028 \\ \n' },
  ]) {
    const text = JSON.stringify({ ...RECORD, ...change });
    assert.equal(texts.locationOf(text), 'BR/São-Paulo', text);
  }
});

test('what was shown with blanks behind colons and commas, or with escapes, is known as well', () => {
  const spaced = TEXT.replaceAll('":', '": ').replaceAll(',"', ', "').replaceAll('ã', '\\u00e3');
  assert.notEqual(spaced, TEXT);
  assert.equal(shown(spaced).locationOf(spaced.replace('36.5', '37')), 'BR/São-Paulo');
});

test('nothing is known of other shapes and places, or where the flat record would say something else', () => {
  const texts = shown(TEXT);
  const changes: Record<string, unknown>[] = [
    ...[{ city: 'Sao Paulo' }, { country: 'Brazil' }, { country_code: 'br' }, { timezone: 'UTC' }],
    ...[{ temperature: 34 }, { temperature: '36.5' }, { temperature: null }, { windspeed: true }],
    ...[{ wind_alert_level: 'level_0' }, { heat_alert_level: 2 }, { location: 'BR/Sao-Paulo' }],
    ...[{ timestamp: '2026-02-30T05:00:00.000Z' }, { timestamp: '2026-11-22T05:00:00Z' }],
    ...[{ timestamp: '2026-11-22T24:00:00.000Z' }, { timestamp: null }, { latitude: '1' }],
    ...[{ sensor: {} }, { sensor: [] }, { mood: 1 }, { location: { name: 1 } }],
  ];
  for (const change of changes) {
    const text = JSON.stringify({ ...RECORD, ...change });
    assert.equal(texts.locationOf(text), undefined, text);
  }
  const others = [
    ...[`${TEXT}\n`, ` ${TEXT}`, `\ufeff${TEXT}`, TEXT.slice(0, -1), `${TEXT}}`, ''],
    ...[TEXT.replace('"city"', '"City"'), TEXT.replace('"a.b"', '"a-b"')],
    ...[TEXT.replace('36.5', '1e400'), TEXT.replace('36.5', '36.'), TEXT.replace('36.5', '036.5')],
    ...[
      TEXT.replace('36.5', '9'.repeat(400)),
      TEXT.replace('36.5', '0x24'),
      TEXT.replace(',', ',\n'),
    ],
    ...[TEXT.replace('{', '{"city":"Rio",'), TEXT.replace('"a \\"b\\""', '"a\nb"')],
    ...[TEXT.replace('"a \\"b\\""', '"a \\x"'), TEXT.replace('"a \\"b\\""', 'undefined')],
  ];
  for (const text of others) assert.equal(texts.locationOf(text), undefined, text);
});

test('nothing is learnt of a record whose names are not written as they are, or that lacks what must be looked at', () => {
  const { heat_alert_level: _, ...lacking } = RECORD;
  const odd = `${TEXT.slice(0, -1)},"o\\u0064d":1}`;
  for (const text of [JSON.stringify(lacking), odd, `${TEXT.slice(0, -1)},"a\\"b":1}`]) {
    assert.equal(shown(text).locationOf(text), undefined, text);
  }
});

test('several shapes are known at a time, and one that comes anew is learnt whatever came before', () => {
  const texts = new FlatTexts();
  const shapes = Array.from({ length: 9 }, (_, index) =>
    JSON.stringify({ ...RECORD, [`field_${index}`]: index }),
  );
  for (const text of shapes.slice(0, 4)) show(texts, text);
  for (const text of [...shapes.slice(0, 4), ...shapes.slice(0, 4)]) {
    assert.equal(texts.locationOf(text), 'BR/São-Paulo');
  }
  for (let index = 0; index < 9; index += 1) {
    show(texts, JSON.stringify({ ...RECORD, [`list_${index}`]: [] }));
  }
  assert.equal(texts.locationOf(shapes[0] ?? ''), 'BR/São-Paulo');
  for (const text of shapes.slice(4)) show(texts, text);
  assert.equal(texts.locationOf(shapes[0] ?? ''), undefined);
  show(texts, shapes[0] ?? '');
  assert.equal(texts.locationOf(shapes[0] ?? ''), 'BR/São-Paulo');
});

test('records with many fields, and with megabytes of escapes, are left to whoever parses them', () => {
  const fields = Array.from({ length: 60 }, (_, index) => [`field_${index}`, index]);
  const many = JSON.stringify({ ...RECORD, ...Object.fromEntries(fields) });
  const long = JSON.stringify({ ...RECORD, sensor: '\n'.repeat(4_000_000) });
  for (const text of [many, long]) assert.equal(shown(text).locationOf(text), undefined);
  const texts = shown(TEXT);
  assert.equal(texts.locationOf(long), undefined);
  const lines = new LocationLines('skip');
  for (let times = 0; times < 101; times += 1) {
    assert.deepEqual(result(lines, many), ['BR/São-Paulo', many]);
  }
});

/** What becomes of a record whose value is `text`. */
function result(lines: LocationLines, text: string) {
  const record = { offset: 0n, timestamp: 0, key: null, headers: undefined };
  const line = lines.of({ ...record, value: Buffer.from(text) });
  return line === undefined || line instanceof Fault ? line : [line.location, `${line.object}`];
}

test('whatever was written before, a record becomes the same line', () => {
  const signs = fc.constantFrom(
    '"',
    '\\',
    ',',
    ':',
    '{',
    '}',
    '[',
    ']',
    ' ',
    '0',
    '-',
    '.',
    'e',
    'n',
  );
  const fields = fc.constantFrom(...Object.keys(RECORD), 'kafka_offset', 'City', '__proto__');
  const edit = fc.oneof(
    fc.tuple(fc.nat(TEXT.length), fc.nat(3), signs).map(([at, cut, sign]) => {
      return (text: string) => text.slice(0, at) + sign + text.slice(at + cut);
    }),
    fc.tuple(fields, fc.jsonValue({ maxDepth: 1 })).map(([name, value]) => {
      return (text: string) =>
        `${text.slice(0, -1)},${JSON.stringify(name)}:${JSON.stringify(value)}}`;
    }),
  );
  const precise = `${TEXT.slice(0, -1)},"id":12345678901234567890,"m":"a\\":b"}`;
  assert.deepEqual(result(new LocationLines('skip'), precise), ['BR/São-Paulo', precise]);
  const blank = precise.replace('"m":"', '"m": " :');
  assert.deepEqual(result(new LocationLines('skip'), blank), ['BR/São-Paulo', blank]);
  const known = [TEXT, precise, TEXT.replaceAll('":', '": ')];
  const warm = new LocationLines('skip');
  for (const text of known) for (let times = 0; times < 101; times += 1) result(warm, text);
  fc.assert(
    fc.property(fc.constantFrom(...known), fc.array(edit, { maxLength: 2 }), (from, edits) => {
      const text = edits.reduce((before, change) => change(before), from);
      assert.deepEqual(result(warm, text), result(new LocationLines('skip'), text), text);
    }),
    { numRuns: 3000 },
  );
});
