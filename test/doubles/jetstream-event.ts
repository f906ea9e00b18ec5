// Events as Jetstream sends them: made posts with their hashtag marked in several ways, and what comes between posts.
import type { MadeText } from './posts.ts';

/** `marking` 0: out of sight in `tags`; 1: a facet in wide capitals; else a facet as in the text. */
export function postEvent(index: number, timeUs: number, made: MadeText): string {
  const [hashtag = ''] = made.hashtags;
  const marking = index % 4;
  const isWide = marking === 1;
  const byteStart = Buffer.byteLength(made.text.slice(0, made.text.lastIndexOf('#')));
  const facets = [
    {
      index: { byteStart, byteEnd: Buffer.byteLength(made.text) },
      features: [
        { $type: 'app.bsky.richtext.facet#link', uri: 'https://example.com/#other' },
        { $type: 'app.bsky.richtext.facet#tag', tag: isWide ? wide(hashtag) : hashtag },
      ],
    },
  ];
  const record = {
    $type: 'app.bsky.feed.post',
    createdAt: new Date(timeUs / 1000).toISOString(),
    ...(made.language === 'und' ? {} : { langs: [made.language, 'en'] }),
    text: made.text,
    ...(marking === 0 ? { tags: [hashtag] } : { facets }),
  };
  return commit(index, timeUs, made.author, 'create', record);
}

/** What the server sends besides the post `index`: mostly nothing. */
export function otherEvent(index: number, timeUs: number, made: MadeText): string | undefined {
  const did = didOf(made.author);
  if (index % 5 === 3) {
    const record = { $type: 'app.bsky.feed.post', text: 'no tag here', langs: ['en'] };
    return commit(index + 1_000_000_000, timeUs, made.author, 'create', record);
  }
  if (index % 7 === 3) return commit(index, timeUs, made.author, 'delete');
  if (index % 11 === 3) {
    return commit(index, timeUs, made.author, 'update', { text: `edited #${made.hashtags[0]}` });
  }
  if (index % 13 === 3) {
    return JSON.stringify({
      did,
      time_us: timeUs,
      kind: 'identity',
      identity: { did, seq: index },
    });
  }
  if (index % 17 !== 3) return undefined;
  return JSON.stringify({ did, time_us: timeUs, kind: 'account', account: { active: true, did } });
}

export function postId(index: number, author: number): string {
  return `at://${didOf(author)}/app.bsky.feed.post/${rkeyOf(index)}`;
}

function commit(
  index: number,
  timeUs: number,
  author: number,
  operation: 'create' | 'update' | 'delete',
  record?: unknown,
): string {
  return JSON.stringify({
    did: didOf(author),
    time_us: timeUs,
    kind: 'commit',
    commit: {
      rev: rkeyOf(index),
      operation,
      collection: 'app.bsky.feed.post',
      rkey: rkeyOf(index),
      ...(record === undefined ? {} : { record, cid: 'bafyreia' }),
    },
  });
}

const didOf = (author: number) => `did:plc:${author.toString(36).padStart(24, 'a')}`;
const rkeyOf = (index: number) => `3m${index.toString(36).padStart(11, '0')}`;

/** The same hashtag as some keyboards write it. */
function wide(hashtag: string): string {
  return hashtag
    .toUpperCase()
    .replace(/[!-~]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 0xfee0));
}
