// The text of a status, which comes as HTML.
import { compile } from 'html-to-text';

const convert = compile({
  wordwrap: false,
  // As in HTML; the library would take zero-width spaces for blanks, too.
  whitespaceCharacters: ' \t\r\n\f',
  // Servers without custom emoji of their own send pictures whose alternative text is the shortcode.
  formatters: {
    alternative: (element, _walk, builder) =>
      builder.addInline(String(element.attribs?.['alt'] ?? ''), { noWordTransform: true }),
  },
  selectors: [
    { selector: 'a', options: { ignoreHref: true } },
    { selector: 'img', format: 'alternative' },
    ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({
      selector,
      options: { uppercase: false },
    })),
  ],
});

/** Line breaks and paragraphs stay; of a link stays its text, as a reader sees it. */
export function plainText(html: string): string {
  return convert(html);
}
