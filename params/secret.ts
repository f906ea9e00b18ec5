// A value that never prints: JSON, templates, inspect and logs show [secret].
import { inspect } from 'node:util';

export class Secret {
  readonly #read: () => string;

  /** A function is asked anew at each `reveal()`, so that a secret in a file can be rotated. */
  constructor(value: string | (() => string)) {
    this.#read = typeof value === 'string' ? () => value : value;
  }

  /** The value itself. Call it where a client asks for it, as late as possible. Throws CONFIG_UNREADABLE when its file is gone. */
  reveal(): string {
    return this.#read();
  }

  toJSON(): string {
    return '[secret]';
  }

  toString(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}
