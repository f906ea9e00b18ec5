// What is wanted in the words of X, the same for the stream and for search: queries, fields; and what a post costs.
import { QUERY_CHARS_MAX } from '../../clients/twitter/search.ts';
import type { Params } from '../../params/schema.ts';
import { normaliseHashtag } from '../hashtag.ts';

/**
 * Queries that together take every post with one of the hashtags, in one of the languages (empty: any). As few as fit into
 * what X takes: each post that is found by two of them is billed once, but asked for twice.
 */
export function xQueries(hashtags: readonly string[], languages: readonly string[]): string[] {
  const tags = new Set(hashtags.map((hashtag) => `#${normaliseHashtag(hashtag)}`));
  const spoken = languages.map((language) => `lang:${language.toLowerCase()}`).join(' OR ');
  const queryOf = (some: readonly string[]) =>
    spoken === '' ? some.join(' OR ') : `(${some.join(' OR ')}) (${spoken})`;
  const groups: string[][] = [];
  for (const tag of tags) {
    const last = groups.at(-1);
    if (last && queryOf([...last, tag]).length <= QUERY_CHARS_MAX) last.push(tag);
    else groups.push([tag]);
  }
  return groups.map(queryOf);
}

type Wishes = Params['producer']['x'];

/** As query parameters; the name of an author needs a field of the user, too. */
export function xFields({ fields, expansions }: Wishes): Record<string, string> {
  return {
    'tweet.fields': [...new Set(['id', 'text', ...fields])].join(','),
    ...(expansions.length === 0 ? {} : { expansions: expansions.join(',') }),
    ...(expansions.includes('author_id') ? { 'user.fields': 'username' } : {}),
  };
}

/** Dollars of one post at most: X bills what it bills once a day, however often it is read. */
export function xPrice({ expansions, postPrice, userPrice }: Wishes): number {
  const users = expansions.filter((name) => /author|user/.test(name)).length;
  const posts = expansions.includes('referenced_tweets.id') ? 2 : 1;
  return posts * postPrice + users * userPrice;
}
