// A post of Bluesky in the one shape of all sources. Its record is what the author's app wrote: nothing in it is certain.
import type { JetstreamEvent } from '../../clients/bluesky/jetstream.ts';
import { isoTime, type Post } from '../post.ts';

type Created = NonNullable<JetstreamEvent['created']>;

export interface BlueskyPost extends Post {
  readonly id: string;
}

/** The hashtags an app marked in the text (facets) and those it added out of sight (`tags`), without `#`, each once. */
export function blueskyHashtags({ record }: Created): string[] {
  const marked = list(record['facets']).flatMap((facet) => list(object(facet)['features']));
  const tags = [...marked.map((feature) => object(feature)['tag']), ...list(record['tags'])].filter(
    (tag) => typeof tag === 'string',
  );
  return [...new Set(tags.map((tag) => tag.replace(/^[#＃]/, '')))];
}

export function blueskyLanguages({ record }: Created): string[] {
  return list(record['langs']).filter((tag) => typeof tag === 'string');
}

/** `timeUs`: when the server saw the post; stands in for a time of the author that is none. Undefined without a text. */
export function postFromBluesky(created: Created, timeUs: number): BlueskyPost | undefined {
  const { did, rkey, record } = created;
  if (typeof record['text'] !== 'string') return undefined;
  const stated = isoTime(record['createdAt']);
  const isTime = stated !== null && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(stated);
  return {
    id: `at://${did}/app.bsky.feed.post/${rkey}`,
    author: did,
    text: record['text'],
    hashtags: blueskyHashtags(created),
    lang: blueskyLanguages(created)[0] ?? null,
    created_at: isTime ? stated : new Date(timeUs / 1000).toISOString(),
    source: 'bluesky',
    url: `https://bsky.app/profile/${did}/post/${rkey}`,
  };
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
