// Rows of CSV as objects of texts, named by the header. Quotes, and line breaks within them, are csv-parse's business.
import { Readable } from 'node:stream';
import { CsvError, type Info, parse } from 'csv-parse';
import type { LinePlace } from './read-lines.ts';

export interface Row {
  /** The line it ends on, counted from 1. */
  readonly number: number;
  /** An empty field is null, an empty field in quotes is an empty text. */
  readonly fields: Readonly<Record<string, string | null>>;
  /** Behind its last line. */
  readonly end: LinePlace;
}

/** Completes `file:line ...`. Field values are never part of it. */
export type Objection = (number: number, why: string) => Error;

type Parsed = { readonly info: Info; readonly record: readonly (string | null)[] };

/** What csv-parse objects to, without the value it would quote. */
const OBJECTIONS: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'opens a quote that is never closed',
  CSV_INVALID_CLOSING_QUOTE: 'goes on behind a closing quote',
  INVALID_OPENING_QUOTE: 'holds a quote in a field that does not begin with one',
  CSV_MAX_RECORD_SIZE: 'is too long',
};

/**
 * Yields the rows of `chunks`, which begin at `from`: with the header, unless `header` is given. Empty lines are left out.
 * Throws what `objection` makes of a row with more or fewer fields than the header, a name that stands there twice or is
 * empty, and quotes in the wrong place.
 */
export async function* readRows(
  chunks: AsyncIterable<Buffer>,
  bytesMax: number,
  objection: Objection,
  from: LinePlace = { offset: 0, line: 0 },
  header?: readonly string[],
): AsyncGenerator<Row, void, void> {
  let names = header;
  const parser = parse({
    bom: from.offset === 0,
    cast: (value, { quoting }) => (value === '' && !quoting ? null : value),
    info: true,
    max_record_size: bytesMax,
    record_delimiter: ['\r\n', '\n'],
    relax_column_count: true,
    skip_empty_lines: true,
  });
  const source = Readable.from(chunks, { objectMode: false });
  source.on('error', (error) => parser.destroy(error));
  try {
    for await (const { info, record } of source.pipe(parser) as AsyncIterable<Parsed>) {
      const number = from.line + info.lines;
      const end = { offset: from.offset + info.bytes, line: number };
      if (names === undefined) names = namesIn(record, number, objection);
      else yield { number, fields: named(names, record, number, objection), end };
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const number = from.line + Number(error['lines'] ?? 0);
    throw objection(number, OBJECTIONS[error.code] ?? 'is not CSV');
  } finally {
    source.destroy();
    parser.destroy();
  }
}

/** The names in the header; undefined when there is none. Reads no further. */
export async function readHeader(
  chunks: AsyncIterable<Buffer>,
  bytesMax: number,
  objection: Objection,
): Promise<readonly string[] | undefined> {
  // Its own names would be taken from the first row: an empty list lets the first row come out as it is.
  const parser = Readable.from(chunks, { objectMode: false }).pipe(
    parse({
      bom: true,
      info: true,
      max_record_size: bytesMax,
      record_delimiter: ['\r\n', '\n'],
      skip_empty_lines: true,
    }),
  );
  for await (const { info, record } of parser as AsyncIterable<Parsed>) {
    return namesIn(record, info.lines, objection);
  }
  return undefined;
}

function namesIn(
  record: readonly (string | null)[],
  number: number,
  objection: Objection,
): readonly string[] {
  const names = record.map((name) => (name ?? '').trim());
  if (names.includes('')) throw objection(number, 'is a header with an empty name');
  if (new Set(names).size < names.length) throw objection(number, 'is a header with a name twice');
  return names;
}

function named(
  names: readonly string[],
  record: readonly (string | null)[],
  number: number,
  objection: Objection,
): Record<string, string | null> {
  if (record.length !== names.length) {
    throw objection(number, `has ${record.length} fields; the header has ${names.length}`);
  }
  return Object.fromEntries(names.map((name, at) => [name, record[at] ?? null]));
}
