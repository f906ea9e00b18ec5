// Statuses as Mastodon sends them: HTML, ids that hold the time, the same address on every server.
import type { MadeText } from './posts.ts';

/** Upper bits: milliseconds; lower 16: which of that millisecond. */
function statusId(timeUs: number): string {
  return String((BigInt(Math.floor(timeUs / 1000)) << 16n) + BigInt(timeUs % 1000));
}

/** The time just behind a status: the first one that is newer came then or later. */
export function timeAfter(id: string): number {
  const number = BigInt(id);
  return Number(number >> 16n) * 1000 + Math.min(999, Number(number & 0xffffn)) + 1;
}

/** Where post `index` was written; every third author lives on `host`. */
export function statusUri(index: number): string {
  return `https://home.example/users/u/statuses/${index}`;
}

export function status(index: number, timeUs: number, made: MadeText, host: string): object {
  const username = `user_${made.author}`;
  const acct = index % 3 === 0 ? username : `${username}@home.example`;
  const [hashtag = ''] = made.hashtags;
  return {
    id: statusId(timeUs),
    created_at: new Date(timeUs / 1000).toISOString(),
    sensitive: false,
    spoiler_text: '',
    visibility: 'public',
    language: made.language === 'und' ? null : made.language,
    uri: statusUri(index),
    url: `https://home.example/@${username}/${index}`,
    content: html(made.text, hashtag, host),
    reblog: null,
    edited_at: null,
    account: { id: String(made.author), username, acct, bot: false },
    media_attachments: [],
    mentions: [],
    tags: made.hashtags.map((name) => ({
      name: name.toLowerCase(),
      url: `https://${host}/tags/${encodeURIComponent(name)}`,
    })),
    emojis: [],
  };
}

function html(text: string, hashtag: string, host: string): string {
  const link = `<a href="https://${host}/tags/${hashtag}" class="mention hashtag" rel="tag">#<span>${hashtag}</span></a>`;
  const lines = text
    .split(/\r\n|\n/)
    .map((line) => line.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`));
  const body = lines.join('<br />');
  return `<p>${body.slice(0, -hashtag.length - 1)}${link}</p>`;
}

/** What a reader must make of it: as the text, with blanks as a browser shows them. */
export function shownText(text: string): string {
  const lines = text.split(/\r\n|\n/).map((line) => line.replace(/[ \t\r\f]+/g, ' ').trim());
  return lines.join('\n').trim();
}
