// What the demo shows while it works: numbered phases with the time since the start, progress, tables.
import type { WriteStream } from 'node:tty';

const BAR_WIDTH = 30;
/** Without a terminal progress is a line at each of these shares. */
const LINE_SHARE = 0.25;

type Align = 'left' | 'right';

const number = (value: number) => value.toLocaleString('en-US');

export class Screen {
  readonly #stream: WriteStream;
  readonly #began = performance.now();
  #phases = 0;
  #barIsOpen = false;

  constructor(stream: WriteStream) {
    this.#stream = stream;
  }

  get elapsed(): string {
    const seconds = Math.round((performance.now() - this.#began) / 1000);
    return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  }

  phase(title: string): void {
    this.#phases += 1;
    const line = `${this.#phases}. ${title}`;
    this.line('');
    this.line(`${this.#bold(line)}  (${this.elapsed})`);
  }

  note(text: string): void {
    this.line(`   ${text}`);
  }

  line(text: string): void {
    if (this.#barIsOpen) this.#stream.write('\n');
    this.#barIsOpen = false;
    this.#stream.write(`${text}\n`);
  }

  /** A progress display of `total` steps; call it with the number done, as often as you like. */
  progress(label: string, total: number): (done: number) => void {
    let shown = 0;
    return (done) => {
      const share = total === 0 ? 1 : Math.min(1, done / total);
      if (this.#stream.isTTY) {
        const full = Math.round(share * BAR_WIDTH);
        const bar = '█'.repeat(full) + '░'.repeat(BAR_WIDTH - full);
        this.#stream.write(`\r   ${label} ${bar} ${number(done)} of ${number(total)}\u001b[K`);
        this.#barIsOpen = true;
        if (share === 1) this.line('');
        return;
      }
      const step = Math.floor(share / LINE_SHARE);
      if (step <= shown) return;
      shown = step;
      this.note(`${label}: ${number(done)} of ${number(total)}`);
    };
  }

  /** Rows of cells, the first row being the heads. Cells are cut at `cellWidthMax` characters. */
  table(rows: readonly (readonly string[])[], aligns: readonly Align[], cellWidthMax = 44): void {
    const cut = rows.map((row) => row.map((cell) => shorten(cell, cellWidthMax)));
    const widths = aligns.map((_, column) =>
      Math.max(...cut.map((row) => width(row[column] ?? ''))),
    );
    for (const [index, row] of cut.entries()) {
      const cells = aligns.map((align, column) => {
        const cell = row[column] ?? '';
        const gap = ' '.repeat((widths[column] ?? 0) - width(cell));
        return align === 'right' ? gap + cell : cell + gap;
      });
      this.note(cells.join('  ').trimEnd());
      if (index === 0) this.note(widths.map((size) => '─'.repeat(size)).join('  '));
    }
  }

  #bold(text: string): string {
    return this.#stream.isTTY && !process.env['NO_COLOR'] ? `\u001b[1m${text}\u001b[0m` : text;
  }
}

/** Columns a text takes on a terminal: East Asian wide characters and emoji take two, marks none. */
function width(text: string): number {
  let columns = 0;
  for (const { segment } of new Intl.Segmenter().segment(text))
    columns +=
      /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60]/u.test(
        segment,
      )
        ? 2
        : 1;
  return columns;
}

function shorten(text: string, max: number): string {
  const flat = text.replace(/\s+/g, ' ');
  if (width(flat) <= max) return flat;
  let kept = '';
  for (const { segment } of new Intl.Segmenter().segment(flat)) {
    if (width(kept + segment) > max - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}
