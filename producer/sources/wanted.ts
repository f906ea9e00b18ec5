// Which posts a source sends: those with one of the hashtags, in one of the languages.
import { normaliseHashtag } from '../hashtag.ts';

export interface WantedOptions {
  /** With or without `#`; empty: every post. */
  readonly hashtags: readonly string[];
  /** Such as `en` or `pt-BR`; `und` stands for posts that name no language. Empty: every post. */
  readonly languages: readonly string[];
}

export class Wanted {
  readonly #hashtags: ReadonlySet<string>;
  readonly #languages: readonly string[];

  constructor({ hashtags, languages }: WantedOptions) {
    this.#hashtags = new Set(hashtags.map(normaliseHashtag));
    this.#languages = languages.map((language) => language.toLowerCase());
  }

  /** Whether one of `tags` is asked for, in any case and width. */
  carries(tags: readonly string[]): boolean {
    return (
      this.#hashtags.size === 0 || tags.some((tag) => this.#hashtags.has(normaliseHashtag(tag)))
    );
  }

  /** Whether one of `tags` (BCP 47) is asked for: `en` takes `en-GB` too, `en-GB` takes nothing but itself. */
  speaks(tags: readonly string[]): boolean {
    if (this.#languages.length === 0) return true;
    const spoken = tags.length === 0 ? ['und'] : tags.map((tag) => tag.toLowerCase());
    return spoken.some((tag) =>
      this.#languages.some((language) => tag === language || tag.startsWith(`${language}-`)),
    );
  }
}
