// A status of Mastodon in the one shape of all sources.
import { plainText } from '../../clients/mastodon/plain-text.ts';
import type { Status } from '../../clients/mastodon/status.ts';
import { isoTime, type Post } from '../post.ts';

/** `host`: of the server that sent it, which leaves its own name out of its accounts. */
export function postFromMastodon(status: Status, host: string): Post & { readonly id: string } {
  const { acct } = Object(status.account) as { acct?: unknown };
  const tags = Array.isArray(status.tags) ? status.tags : [];
  return {
    id: status.uri,
    author: typeof acct === 'string' ? accountAt(acct, host) : null,
    text: plainText(status.content),
    hashtags: tags.map((tag) => Object(tag).name).filter((name) => typeof name === 'string'),
    lang: typeof status.language === 'string' ? status.language : null,
    created_at: isoTime(status.created_at),
    source: 'mastodon',
    url: typeof status.url === 'string' ? status.url : status.uri,
  };
}

function accountAt(acct: string, host: string): string {
  return acct.includes('@') ? acct : `${acct}@${host}`;
}
