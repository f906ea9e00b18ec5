// Made posts with a hashtag, in many scripts: each has its own id, so that a lost or doubled one shows.

const TEXTS = [
  'Reading # from the start again, and every record is where it was',
  'Mon premier flux # : ça marche, même avec des accents éèàùçœ',
  '# の使い方を覚えました。とても速いです 🚀',
  'Das Übergrößenträger-Problem mit # ist gelöst – schön!',
  'تعلمت اليوم # وكان الأمر ممتعا',
  'Сегодня разобрался с #: порядок внутри раздела сохраняется',
  '今天学习了 # ，消息一条也没丢',
  'Quotes "double", \'single\', back\\slash, 100 %; $HOME and {braces} do not break # 😀',
  'Two lines\nand a\ttab, still one # post 👩‍👩‍👧‍👦',
  '#를 배우는 중입니다 ✅',
] as const;
const LANGS = ['en', 'fr', 'ja', 'de', 'ar', 'ru', 'zh', 'en', 'en', 'ko'] as const;
const FIRST_AT = Date.UTC(2026, 10, 21, 8);
const FIRST_ID = 1_990_000_000_000_000_000n;

/** Lines of JSON, one post each; `index` from 0. The same call gives the same post. */
export function postLine(index: number, hashtag: string): string {
  const which = index % TEXTS.length;
  const id = (FIRST_ID + BigInt(index) * 4_194_304n).toString();
  const author = `user_${(index * 7919) % 997}`;
  return JSON.stringify({
    id,
    author,
    text: `${TEXTS[which]?.replace('#', `#${hashtag}`)} (${index + 1})`,
    hashtags: [hashtag],
    lang: LANGS[which],
    created_at: new Date(FIRST_AT + index * 137).toISOString(),
    source: 'demo',
    url: `https://example.org/${author}/${id}`,
  });
}

/** Three messages that are no rows: no JSON, JSON cut off, and a field that does not fit its column. */
export const BROKEN_LINES: readonly string[] = [
  'this is not JSON at all',
  '{"id":"2","text":"cut off in the midd',
  '{"id":"3","text":"no date","created_at":"the day before yesterday"}',
];
