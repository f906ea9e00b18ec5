// Hashtags as people write them: with or without #, in any case and script, composed or decomposed.

const IN_TEXT = /[#＃]([\p{L}\p{M}\p{N}_]+)/gu;

/** The form in which two hashtags are compared. */
export function normaliseHashtag(hashtag: string): string {
  return hashtag.normalize('NFKC').replace(/^#/, '').toLowerCase();
}

/** Hashtags in `text`, without `#`, in order, each once. */
export function hashtagsIn(text: string): string[] {
  return [...new Set(Array.from(text.matchAll(IN_TEXT), (match) => match[1] ?? ''))];
}

/** Whether one of `hashtags`, or a hashtag inside `text`, is `wanted`. */
export function carriesHashtag(
  wanted: string,
  text: string,
  hashtags: readonly string[] = [],
): boolean {
  const form = normaliseHashtag(wanted);
  const isWanted = (tag: string) => normaliseHashtag(tag) === form;
  return hashtags.some(isWanted) || hashtagsIn(text).some(isWanted);
}
