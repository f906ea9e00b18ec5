// Values for property tests of the row encoder: plain ones, odd ones, broken ones, and batches of them.
import fc from 'fast-check';
import { ALL_COLUMNS } from './encoding.ts';

/** JSON text that fits a column in the plainest way, so that most records take the fast way. */
const plain: Record<string, fc.Arbitrary<string>> = {
  string: fc.string({ unit: 'binary', maxLength: 12 }).map((text) => JSON.stringify(text)),
  bigint: fc.maxSafeInteger().map(String),
  int: fc.integer().map(String),
  double: fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => JSON.stringify(n)),
  boolean: fc.boolean().map(String),
  timestamp: fc
    .date({
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
      noInvalidDate: true,
    })
    .map((date) => `"${date.toISOString()}"`),
  date: fc.constantFrom('"2024-02-29"', '"0001-01-01"'),
  'array<string>': fc
    .array(fc.option(fc.string({ unit: 'grapheme', maxLength: 5 })), { maxLength: 3 })
    .map((list) => JSON.stringify(list)),
};

/** Values that real and hostile producers send. */
export const ODD = [
  'null',
  'true',
  'false',
  '0',
  '-0',
  '-0.0',
  '1.0',
  '1e3',
  '1E+2',
  '1.5',
  '-1e-7',
  '9007199254740991',
  '9007199254740992',
  '9007199254740993',
  '9223372036854775807',
  '-9223372036854775808',
  '9223372036854775808',
  '2147483647',
  '-2147483648',
  '2147483648',
  '18446744073709551616',
  '9007199254740991.2',
  '1.00000000000000000001',
  '1e400',
  '-1e400',
  '1e18',
  '5e-324',
  '123456789012345678901234567890',
  '1700000000000',
  '1700000000000.5',
  '-62135596800000',
  '-62135596800001',
  '253402300799999',
  '253402300800000',
  '""',
  '"123"',
  '"007"',
  '"-5"',
  '"+5"',
  '" 5"',
  '"9223372036854775807"',
  '"99999999999999999999"',
  '"1.5"',
  '"1e3"',
  '"true"',
  '"TRUE"',
  '"NaN"',
  '"-Infinity"',
  '"Infinity"',
  '"nan"',
  '"2024-02-29T12:34:56Z"',
  '"2023-02-29T12:34:56Z"',
  '"2024-02-29 12:34:56.123456"',
  '"2024-03-01T00:00:00.1234567Z"',
  '"2024-03-01T00:00:00+02:00"',
  '"2024-03-01T00:00:00-0330"',
  '"2024-03-01T00:00:00+05"',
  '"0001-01-01T00:00:00+01:00"',
  '"9999-12-31T23:59:59.999999-01:00"',
  '"0000-12-31T00:00:00Z"',
  '"2024-03-01"',
  '"2024-03-01T24:00:00Z"',
  '"2024-03-01T23:59:60Z"',
  '"2024-13-01T00:00:00Z"',
  '"2024-03-01T10:00Z"',
  '"2024-03-01t10:00:00z"',
  '"2024-03-01T10:00:00.Z"',
  '"2024-03-01 10:00:00 UTC"',
  '"Wed Oct 10 20:19:24 +0000 2018"',
  '"infinity"',
  '"epoch"',
  '"2024-3-1"',
  '[]',
  '{}',
  '[[]]',
  '[{}]',
  '["a",1,true,null,1.0,-0,12345678901234567890]',
  '["a\\u0000b", "c"]',
  '{"a":[1,{"b":"}"}],"c":"\\""}',
  '[1.0,"]"]',
  '"\\ud800"',
  '"\\ud83d\\ude00"',
  '"\\uDC00x"',
  '["\\ud800"]',
  '"\\u0000"',
  '"\\\\ud800"',
  '"\\"},{\\"o\\":5"',
  '"\'; DROP TABLE x; --"',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the braces are the point.
  '"${env:PATH}"',
  '"\u202eabc\u2028\u2029\ufeff\ufffd"',
  '"\\n\\r\\t\\b\\f\\/"',
  '{"city":"x"}',
  '{"city":5}',
  '{"city":{"city":"y"}}',
  '{"city":null}',
  '{"city":"a","city":"b"}',
  '{"City":"z"}',
  '"Paris"',
  '[{"city":"q"}]',
];
const odd = fc.constantFrom(...ODD);

const space = fc.constantFrom('', '', '', ' ', '\n', '\r\n', '\t');
/** Keys that the columns of ALL_COLUMNS read. */
export const topKeys = ['id', 'likes', 'level', 'score', 'ok', 'at', 'day', 'tags', 'location'];
const typeOf = (key: string): string =>
  ALL_COLUMNS.find((column) => column.path === key)?.type ?? 'location';
const location = fc
  .oneof(plain['string'] ?? odd, fc.constant('x'))
  .map((city) => (city === 'x' ? '{}' : `{"city":${city},"zip":1}`));

const plainField = fc
  .constantFrom(...topKeys)
  .chain((key) => (plain[typeOf(key)] ?? location).map((json) => [key, json] as const));
const oddField = fc.tuple(
  fc.constantFrom(
    ...topKeys,
    'ID',
    'Likes',
    'extra',
    '__proto__',
    'constructor',
    'toString',
    '',
    'o',
    'v',
    'c',
    '\\u0069d',
    '\\ud800',
  ),
  odd,
);
const objectOf = (field: fc.Arbitrary<readonly [string, string]>, unique: boolean) =>
  fc
    .tuple(
      unique
        ? fc.uniqueArray(field, { selector: ([key]) => key, maxLength: 9 })
        : fc.array(field, { maxLength: 9 }),
      space,
    )
    .map(
      ([fields, s]) =>
        `${s}{${s}${fields.map(([key, json]) => `"${key}"${s}:${s}${json}`).join(`${s},${s}`)}${s}}${s}`,
    );

const good = objectOf(plainField, true);
const strange = objectOf(
  fc.oneof({ weight: 3, arbitrary: plainField }, { weight: 1, arbitrary: oddField }),
  true,
);
const doubled = objectOf(fc.oneof(plainField, oddField), false);
const broken = fc.oneof(
  odd,
  fc.constantFrom(
    '',
    ' ',
    '{',
    '{"id":"a"',
    '1},{"kafka_offset":5',
    '{}{}',
    '{"id":"a"}\n{"id":"b"}',
    "{'id':1}",
    '{"id":NaN}',
    '{"id":01}',
    '\ufeff{"id":"bom"}',
    '{"id":"\u0001"}',
    'nul',
  ),
  fc.json(),
  fc.string(),
);
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 20 }).map((a) => Buffer.from(a)),
  fc.constant(Buffer.from([0x7b, 0x22, 0x69, 0x64, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d])),
  fc.constant(Buffer.from([0xed, 0xa0, 0x80])),
  fc.constant(null),
);
const text = (arbitrary: fc.Arbitrary<string>) => arbitrary.map((t) => Buffer.from(t));
/** Values of a batch as they usually come: objects, few of them strange or broken. */
export const usual = fc.array(
  text(fc.oneof(good, strange, broken)).map((b): Buffer | null => b),
  { maxLength: 30 },
);
/** Values of a batch of whatever bytes. */
export const wild = fc.array(
  fc.oneof(text(good), text(strange), text(doubled), text(broken), bytes),
  {
    maxLength: 20,
  },
);
