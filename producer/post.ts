// The message of a post: one shape for every source. The text is never touched.
import { hashtagsIn } from './hashtag.ts';

/** What is sent to Kafka, as JSON with exactly these fields in this order. `null` where the source says nothing. */
export interface Post {
  readonly id: string | null;
  readonly author: string | null;
  readonly text: string;
  readonly hashtags: readonly string[];
  readonly lang: string | null;
  /** ISO 8601 with zone. A time that cannot be read stays as it came. */
  readonly created_at: string | null;
  /** Where the post comes from: `x`, or what the user's own post says. */
  readonly source: string | null;
  readonly url: string | null;
}

type Json = Readonly<Record<string, unknown>>;

export function encodePost(post: Post): Buffer {
  return Buffer.from(JSON.stringify(post));
}

/** A payload of X's v2 API (`data`, `includes`); undefined when it holds no post. */
export function postFromX(payload: unknown): Post | undefined {
  const data = object(object(payload)['data']);
  const id = string(data['id']);
  if (id === null || typeof data['text'] !== 'string') return undefined;
  const authorId = string(data['author_id']);
  const author = usernameOf(payload, authorId) ?? authorId;
  // Long posts carry the whole text apart; `text` then ends in the middle.
  const note = object(data['note_tweet']);
  const whole = typeof note['text'] === 'string' ? note : data;
  return {
    id,
    author,
    text: whole['text'] as string,
    hashtags: tagsOf(object(whole['entities'])['hashtags']),
    lang: string(data['lang']),
    created_at: isoTime(data['created_at']),
    source: 'x',
    url: `https://x.com/${usernameOf(payload, authorId) ?? 'i'}/status/${id}`,
  };
}

/**
 * A user's own post: any object with a `text` (or `full_text`), or a payload of X's v2 API. Undefined when it is
 * no post. `line` is the JSON it came from, where an id above 2^53 still has all its digits.
 */
export function postFromJson(value: unknown, line = ''): Post | undefined {
  const json = object(value);
  const text = json['full_text'] ?? json['text'];
  if (typeof text !== 'string') return postFromX(value);
  const listed = json['hashtags'] ?? object(json['entities'])['hashtags'];
  return {
    id: string(json['id_str']) ?? idOf(json['id'], line),
    author: authorOf(json),
    text,
    hashtags: Array.isArray(listed) ? tagsOf(listed) : hashtagsIn(text),
    lang: string(json['lang']),
    created_at: isoTime(json['created_at']),
    source: string(json['source']),
    url: string(json['url']),
  };
}

function authorOf(json: Json): string | null {
  const author = json['author'] ?? json['user'];
  const named = object(author);
  const name = named['username'] ?? named['screen_name'] ?? named['acct'] ?? named['name'];
  return string(name ?? author ?? json['username'] ?? json['author_id']);
}

function usernameOf(payload: unknown, authorId: string | null): string | undefined {
  const users = object(object(payload)['includes'])['users'];
  if (!Array.isArray(users) || authorId === null) return undefined;
  const user = users.find((candidate) => object(candidate)['id'] === authorId);
  return string(object(user)['username']) ?? undefined;
}

/** JSON numbers lose digits above 2^53: then the digits are taken from the line itself. */
function idOf(id: unknown, line: string): string | null {
  if (typeof id !== 'number' || Number.isSafeInteger(id)) return string(id);
  for (const [, digits] of line.matchAll(/"id"\s*:\s*(\d+)/g)) {
    if (digits !== undefined && Number(digits) === id) return digits;
  }
  return string(id);
}

function tagsOf(listed: unknown): string[] {
  if (!Array.isArray(listed)) return [];
  return listed.flatMap((entry) => {
    const named = object(entry);
    const tag = string(named['tag'] ?? named['text'] ?? entry);
    return tag === null ? [] : [tag.replace(/^[#＃]/, '')];
  });
}

/** ISO 8601 in UTC; numbers are seconds or milliseconds since 1970; a time without zone is taken as UTC. */
export function isoTime(value: unknown): string | null {
  if (typeof value === 'number' && Number.isFinite(value)) {
    const at = new Date(Math.abs(value) < 1e11 ? value * 1000 : value);
    return Number.isNaN(at.getTime()) ? String(value) : at.toISOString();
  }
  if (typeof value !== 'string') return null;
  const hasNoZone = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?$/.test(value);
  const at = new Date(hasNoZone ? `${value.replace(' ', 'T')}Z` : value);
  return Number.isNaN(at.getTime()) ? value : at.toISOString();
}

/** Text and numbers as text; anything else is nothing. */
function string(value: unknown): string | null {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : null;
}

function object(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Json)
    : {};
}
