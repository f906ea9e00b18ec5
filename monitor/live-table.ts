// A table at the bottom of a terminal that is drawn anew in its place; log lines of the same terminal stay above it.
import { clearScreenDown, moveCursor } from 'node:readline';
import { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';

type Screen = Writable & { readonly columns?: number };

export class LiveTable {
  readonly #screen: Screen;
  #lines: readonly string[] = [];

  /** `screen` must be a terminal. */
  constructor(screen: Screen) {
    this.#screen = screen;
  }

  draw(rows: readonly (readonly [string, string])[]): void {
    this.erase();
    const width = Math.max(...rows.map(([name]) => name.length));
    // A line that wraps would be two to erase. A terminal that does not know its width says 0.
    const columns = (this.#screen.columns || 80) - 1;
    this.#lines = rows.map(([name, value]) => {
      const line = stripVTControlCharacters(`${name.padEnd(width)}  ${value}`);
      return line.slice(0, columns);
    });
    this.#print();
  }

  /** Takes the table from the screen until it is drawn again. */
  erase(): void {
    if (this.#lines.length === 0) return;
    moveCursor(this.#screen, 0, -this.#lines.length);
    clearScreenDown(this.#screen);
    this.#lines = [];
  }

  /** A stream that writes whole lines to `log`, a stream to the same terminal, above the table. */
  above(log: Writable & { readonly isTTY?: boolean }): Writable & { readonly isTTY?: boolean } {
    const stream = new Writable({
      decodeStrings: false,
      write: (chunk, _encoding, done) => {
        const lines = this.#lines;
        this.erase();
        log.write(chunk, (error) => done(error));
        this.#lines = lines;
        this.#print();
      },
    });
    return Object.assign(stream, { isTTY: log.isTTY === true });
  }

  #print(): void {
    for (const line of this.#lines) this.#screen.write(`${line}\n`);
  }
}
