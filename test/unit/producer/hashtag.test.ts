// Hashtags are found by the rules of X and compared as people mean them.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { hashtagsIn, normaliseHashtag } from '../../../producer/hashtag.ts';

type Fact = readonly [text: string, ...tags: string[]];

/**
 * The facts that twitter/twitter-text states in conformance/extract.yml (hashtags, hashtags_from_astral,
 * hashtags_with_indices; Apache-2.0), each with a text of our own.
 */
const FACTS: Readonly<Record<string, readonly Fact[]>> = {
  'letters and digits, at least one letter': [
    ['we like #kafka a lot', 'kafka'],
    ['#hive4 and #4hive', 'hive4', '4hive'],
    ['line #12, seat #7'],
    ['#_ #3_4 #〃 #99'],
    ['#snake_case', 'snake_case'],
  ],
  'what may stand before it': [
    ['(#a )#b [#c ]#d ’#e’#f', 'a', 'b', 'c', 'd', 'e', 'f'],
    [':#a ;#b ,#c .#d !#e ?#f', 'a', 'b', 'c', 'd', 'e', 'f'],
    ['終わり。#次 すごい！#今 すごい！＃又', '次', '今', '又'],
    ['no#tag 言葉#題 5#tag _#tag &#tag'],
    ['✌#a ✌︎#b ✌️#c ✌🏿#d ✌🏿️#e 👨‍👩‍👧#f', 'a', 'b', 'c', 'd', 'e', 'f'],
  ],
  'what ends it': [
    ['#a: #b; #c, #d. #e! #f?', 'a', 'b', 'c', 'd', 'e', 'f'],
    ['#a\nb\n#c\n', 'a', 'c'],
    ['#題名。', '題名'],
    ['#one#two'],
    ['# lonely # 題'],
    ['#️⃣ and #⃣'],
  ],
  'addresses hold none': [
    ['#http://example.org #https://example.org'],
    ['http://example.org/#part example.org/#part'],
    ['see example.org/a#part, #tag', 'tag'],
    ['http://example.org/ #tag', 'tag'],
  ],
  'full-width signs and letters': [['読む ＃ｋａｆｋａ４', 'ｋａｆｋａ４']],
  'Latin with marks': [
    ['#größe #señal #thé #ağaç #İz #ıq', 'größe', 'señal', 'thé', 'ağaç', 'İz', 'ıq'],
    ['#əla #ǁkx #Žena #ċúl', 'əla', 'ǁkx', 'Žena', 'ċúl'],
    ['#col·legi', 'col·legi'],
  ],
  'Greek, Cyrillic, Armenian, Georgian': [
    ['#νερό_μου #поток #ջուր #წყალი', 'νερό_μου', 'поток', 'ջուր', 'წყალი'],
  ],
  'Chinese, Japanese, Korean': [
    ['#漢字 #かな #カナ #ｶﾅ #ｶﾞｷﾞ #コーヒー', '漢字', 'かな', 'カナ', 'ｶﾅ', 'ｶﾞｷﾞ', 'コーヒー'],
    ['#人々 #すゞめ #各〻 #同〃', '人々', 'すゞめ', '各〻', '同〃'],
    ['#ナ～ラ #ナ〜ラ', 'ナ～ラ', 'ナ〜ラ'],
    ['#한글 #ﾡﾢﾣ', '한글', 'ﾡﾢﾣ'],
  ],
  'Arabic, Persian, Hebrew, Amharic': [
    ['#ماء #آب_سرد #می‌روم #۱۲آب #آب۳۴', 'ماء', 'آب_سرد', 'می‌روم', '۱۲آب', 'آب۳۴'],
    ['#מַיִם #בי״ס #רח׳ #אל־על', 'מַיִם', 'בי״ס', 'רח׳', 'אל־על'],
    ['#ውሃ', 'ውሃ'],
  ],
  'scripts of India and around': [
    ['#पानी #पानी_१२ #१२', 'पानी', 'पानी_१२'],
    ['#জল #પાણી #ನೀರು #വെള്ളം #ପାଣି #ਪਾਣੀ', 'জল', 'પાણી', 'ನೀರು', 'വെള്ളം', 'ପାଣି', 'ਪਾਣੀ'],
    ['#ජලය #ක්‍රම #நீர் #నీరు', 'ජලය', 'ක්‍රම', 'நீர்', 'నీరు'],
    ['#ཆུ་བོ་ #ཆུ་བོ', 'ཆུ་བོ་', 'ཆུ་བོ'],
    ['#น้ำ #ទឹក #ရေ #ນ້ຳ', 'น้ำ', 'ទឹក', 'ရေ', 'ນ້ຳ'],
  ],
  'beyond the basic plane': [['#𠀀 #𖼄𖽑 #A𐒠', '𠀀', '𖼄𖽑', 'A𐒠']],
};

suite('hashtag', () => {
  for (const [title, facts] of Object.entries(FACTS)) {
    test(`in text: ${title}`, () => {
      for (const [text, ...tags] of facts) assert.deepEqual(hashtagsIn(text), tags, text);
    });
  }

  test('in text: each once, in order', () => {
    assert.deepEqual(hashtagsIn('#b #a #b #A'), ['b', 'a', 'A']);
  });

  test('a text of 1 MB is read in well under a second, whatever it repeats', () => {
    for (const piece of ['a', 'a-', 'a.', '#a', '#', '1', '/', '#1', 'http://', '\u200d']) {
      const text = `#${piece.repeat(1_000_000 / piece.length)}#`;
      const began = performance.now();
      hashtagsIn(text);
      assert.ok(performance.now() - began < 1000, piece);
    }
  });

  test('is compared without #, in any case, width and composition', () => {
    assert.equal(normaliseHashtag('#Kafka'), 'kafka');
    assert.equal(normaliseHashtag('＃Ｋａｆｋａ'), 'kafka');
    assert.equal(normaliseHashtag('caf\u0065\u0301'), normaliseHashtag('#CAFÉ'));
  });
});
