// Made posts in the shapes of X's v2 filtered stream: expansions, edits, withheld, geo, long posts, many scripts.
// The same seed gives the same posts.

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
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** `count` posts with `hashtag`, ids above 2^53 and ascending with gaps. */
export function makePosts(count: number, hashtag = 'kafka', seed = 1): MadePost[] {
  const next = random(seed);
  const posts: MadePost[] = [];
  let id = 1_990_000_000_000_000_000n;
  for (let index = 0; index < count; index += 1) {
    id += BigInt(1 + Math.floor(next() * 1_000_000));
    posts.push(makePost(String(id), index, hashtag, next));
  }
  return posts;
}

function makePost(id: string, index: number, hashtag: string, next: () => number): MadePost {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)] as T;
  const phrases = Array.from({ length: 1 + Math.floor(next() * 3) }, () => pick(PHRASES));
  const isLong = index % 23 === 0;
  const parts = isLong ? [...phrases, ...phrases, ...PHRASES, ...phrases] : phrases;
  const text = `${index}: ${parts.join(' · ')} #${hashtag}`;
  const hashtags = index % 3 === 0 ? [hashtag, 'データ'] : [hashtag];
  const authorId = String(10_000 + Math.floor(next() * 5_000));
  const entities = { hashtags: hashtags.map((tag, at) => ({ start: at, end: at + 1, tag })) };
  const data: Record<string, unknown> = {
    id,
    text: isLong ? `${[...text].slice(0, 270).join('')}…` : text,
    author_id: authorId,
    created_at: new Date(1_763_000_000_000 + index * 137).toISOString(),
    lang: LANGUAGES[index % LANGUAGES.length],
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
  const user = { id: authorId, name: pick(PHRASES).slice(0, 20), username: `user_${authorId}` };
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
