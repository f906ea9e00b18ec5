// How text gets into a HiveQL statement. The only place that writes literals; checked against the real server.
import { PipelineError } from '../../pipeline/errors.ts';

// `\Z` is Hive's word for U+001A.
const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  "'": "\\'",
  '\n': '\\n',
  '\r': '\\r',
  '\0': '\\0',
  '\u001a': '\\Z',
};
// Two traps lie beyond the quotes: `${env:X}` is substituted inside literals, so `$` never stands as itself; and Hive
// hands the statement to its jobs inside an XML file, which takes no control characters.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must be escaped.
const ESCAPED = /[\\'$\u0000-\u001f\u007f-\u009f\ufffe\uffff]/g;
const LONE_SURROGATE = /\p{Surrogate}/gu;
const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

function escapeOf(char: string): string {
  return ESCAPES[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** `text` without lone surrogates: they have no UTF-8 form and become U+FFFD. */
export function wellFormed(text: string): string {
  return text.replace(LONE_SURROGATE, '\ufffd');
}

/** A HiveQL string literal that reads back as `text` (lone surrogates as U+FFFD). */
export function quoteString(text: string): string {
  return `'${wellFormed(text).replace(ESCAPED, escapeOf)}'`;
}

/**
 * A name in backticks, so that reserved words work. Letters, digits and `_` only, else CONFIG_INVALID: Hive
 * substitutes variables inside backticks too and allows no more in table names.
 */
export function quoteName(name: string): string {
  if (!IDENTIFIER.test(name)) {
    throw new PipelineError('CONFIG_INVALID', `'${name}' cannot be a name in Hive`, {
      hint: 'Use letters, digits and _, not beginning with a digit.',
    });
  }
  return `\`${name}\``;
}
