// Made posts: texts in many scripts, and the shapes of X's v2 filtered stream (expansions, edits, withheld, geo, long posts).
// Each is made from its number: the same seed gives the same posts, and none has to be held.

/** As X makes ids: the time in front, numbers within a millisecond behind. */
const IDS_IN_A_MS = 2 ** 22;
const idAt = (ms: number) => BigInt(ms - 1_288_834_974_657) << 22n;

export interface MadePost {
  readonly id: string;
  /** The whole text a reader must find, also where the payload cuts it in `data.text`. */
  readonly text: string;
  readonly hashtags: readonly string[];
  readonly payload: Readonly<Record<string, unknown>>;
}

const PHRASES = [
  'Streams never sleep, neither do we',
  'Grüße aus Köln – größer, schöner, übermäßig',
  'Les données arrivent à l’heure, même à Noël',
  'Потоки данных не ждут никого',
  'البيانات تصل في الوقت المحدد',
  'הנתונים מגיעים בזמן',
  'データは時間どおりに届く',
  '数据流永不停止，我们也是',
  '데이터는 제시간에 도착한다',
  'डेटा समय पर पहुँचता है',
  'ข้อมูลมาถึงตรงเวลา',
  'Tiếng Việt có nhiều dấu: ắ ằ ẵ ệ ộ ữ',
  'ΑΒΓ δεδομένα στην ώρα τους',
  '👩‍👩‍👧‍👦 family, 🏴󠁧󠁢󠁳󠁣󠁴󠁿 flag, 👍🏽 skin, 🇫🇷🇯🇵 pair',
  'quotes " \' ` and \\ backslash, tab\tand\nnew line\r\nand more',
  'x &amp; y &lt;z&gt; ; DROP TABLE posts; -- \u0024{env:HOME} $1 %s',
  'math 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟘𝟙𝟚 and 𠜎𠜱𠝹 beyond the plane',
  'zero\u200bwidth, \u202eright to left override\u202c, combining e\u0301',
  '\u2028line and\u2029paragraph separators, \u0085 next line, \u0007 bell',
] as const;

const LANGUAGES = [
  'en',
  'de',
  'fr',
  'ru',
  'ar',
  'he',
  'ja',
  'zh',
  'ko',
  'hi',
  'th',
  'vi',
  'el',
  'und',
];

/** Mulberry32: small, seeded, good enough for test data. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Random numbers of post `index`, whatever was made before. */
const randomOf = (seed: number, index: number) => random(Math.imul(seed, 0x9e3779b1) + index * 31);

export interface MadeText {
  readonly text: string;
  readonly hashtags: readonly string[];
  readonly language: string;
  readonly author: number;
}

/** What post `index` says; every 23rd is long. */
export function makeText(index: number, hashtag = 'kafka', seed = 1): MadeText {
  return textOf(index, hashtag, randomOf(seed, index));
}

function textOf(index: number, hashtag: string, next: () => number): MadeText {
  const phrases = Array.from({ length: 1 + Math.floor(next() * 3) }, () => pick(PHRASES, next));
  const parts = index % 23 === 0 ? [...phrases, ...phrases, ...PHRASES, ...phrases] : phrases;
  return {
    text: `${index}: ${parts.join(' · ')} #${hashtag}`,
    hashtags: index % 3 === 0 ? [hashtag, 'データ'] : [hashtag],
    language: LANGUAGES[index % LANGUAGES.length] ?? 'und',
    author: 10_000 + Math.floor(next() * 5_000),
  };
}

function pick<T>(from: readonly T[], next: () => number): T {
  return from[Math.floor(next() * from.length)] as T;
}

/** `count` posts with `hashtag`, ids above 2^53 and ascending with gaps. */
export function makePosts(count: number, hashtag = 'kafka', seed = 1): MadePost[] {
  return Array.from({ length: count }, (_, index) => makePost(index, hashtag, seed));
}

/** `atMs`: when it is made (milliseconds since 1970), which its id tells, too; undefined: in a time of its own. */
export function makePost(index: number, hashtag = 'kafka', seed = 1, atMs?: number): MadePost {
  const next = randomOf(seed, index);
  const { text, hashtags, language, author } = textOf(index, hashtag, next);
  const isLong = index % 23 === 0;
  const authorId = String(author);
  const gap = BigInt(Math.floor(next() * 999_999));
  const timeless = 1_990_000_000_000_000_000n + BigInt(index) * 1_000_000n + gap;
  const id = String(atMs === undefined ? timeless : idAt(atMs) + BigInt(index % IDS_IN_A_MS));
  const entities = { hashtags: hashtags.map((tag, at) => ({ start: at, end: at + 1, tag })) };
  const data: Record<string, unknown> = {
    id,
    text: isLong ? `${[...text].slice(0, 270).join('')}…` : text,
    author_id: authorId,
    created_at: new Date(atMs ?? 1_763_000_000_000 + index * 137).toISOString(),
    lang: language,
    edit_history_tweet_ids: index % 29 === 0 ? [String(BigInt(id) - 7n), id] : [id],
    entities: isLong ? undefined : entities,
    ...(isLong ? { note_tweet: { text, entities } } : {}),
    ...(index % 17 === 0
      ? {
          geo: {
            place_id: '01a9a39529b27f36',
            coordinates: { type: 'Point', coordinates: [2.35, 48.86] },
          },
        }
      : {}),
    ...(index % 31 === 0 ? { withheld: { copyright: false, country_codes: ['DE', 'FR'] } } : {}),
  };
  const user = {
    id: authorId,
    name: pick(PHRASES, next).slice(0, 20),
    username: `user_${authorId}`,
  };
  // X may leave the author out and explain it in `errors` beside `data`: that is a post all the same.
  const included =
    index % 41 === 0
      ? {
          errors: [
            { resource_type: 'user', title: 'Not Found Error', value: authorId, detail: 'gone' },
          ],
        }
      : { includes: { users: [user] } };
  const payload = shuffled({ data: shuffled(data, next), ...included }, next);
  return { id, text, hashtags, payload };
}

/** Fields come in any order. */
function shuffled(object: Record<string, unknown>, next: () => number): Record<string, unknown> {
  const keyed = Object.entries(object).map((entry) => ({ entry, at: next() }));
  return Object.fromEntries(keyed.sort((a, b) => a.at - b.at).map(({ entry }) => entry));
}
