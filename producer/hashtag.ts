// Hashtags as people write them: with or without #, in any case and script, composed or decomposed.

/** What joins letters to one word in some script: ZWNJ, ZWJ, middle dot, maqaf, geresh, tsheg, wave dashes and the like. */
const JOINERS =
  '_\\u00b7\\u05be\\u05f3\\u05f4\\u0f0b\\u0f0c\\u200c\\u200d\\u3003\\u301c\\u309b\\u309c\\u30a0\\u30fb\\ua67e\\uff5e';
const LETTER = '\\p{L}\\p{M}';
const WORD = `${LETTER}\\p{Nd}${JOINERS}`;
/** An address is taken whole, so that a # inside it begins no hashtag. */
const ADDRESS =
  '(?:https?:\\/\\/|(?<![\\p{L}\\p{N}@.-])(?:[\\p{L}\\p{N}-]+\\.)+\\p{L}{2,}\\/)[!-~\\p{L}\\p{M}\\p{N}]*';
/** Variation selectors end an emoji and are marks by their category: a hashtag may follow them. */
const BEFORE = `(?:(?<![&${WORD}])|(?<=[\\ufe0e\\ufe0f]))`;
/** The look ahead takes all it can and gives nothing back: a long run of letters costs its length, not its square. */
const TAG = `[#＃](?![\\ufe0f\\u20e3])(?=([${WORD}]+))\\1(?![#＃]|:\\/\\/)`;
const ADDRESS_OR_TAG = new RegExp(`${ADDRESS}|${BEFORE}${TAG}`, 'giu');
const HAS_LETTER = new RegExp(`[${LETTER}]`, 'u');

/** The form in which two hashtags are compared. */
export function normaliseHashtag(hashtag: string): string {
  return hashtag.normalize('NFKC').replace(/^#/, '').toLowerCase();
}

/**
 * Hashtags in `text`, without `#`, in order, each once. They follow the rules that X publishes with its conformance tests
 * (twitter-text): letters of any script, at least one; not behind a letter, not within an address.
 */
export function hashtagsIn(text: string): string[] {
  const tags = Array.from(text.matchAll(ADDRESS_OR_TAG), ([, tag]) => tag ?? '');
  return [...new Set(tags.filter((tag) => HAS_LETTER.test(tag)))];
}
