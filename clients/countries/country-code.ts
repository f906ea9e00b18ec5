// Country codes of ISO 3166-1 from names in any language and from codes. The names come from i18n-iso-countries, where it
// knows none from the Unicode names that Node brings, and from a few lines here for what people say and neither has.
import countries from 'i18n-iso-countries';

/** By the name as `keyOf` writes it. Parts of the United Kingdom are no countries of ISO 3166-1; records name them as such. */
const SAID: Readonly<Record<string, string>> = {
  america: 'US',
  bosnia: 'BA',
  britain: 'GB',
  drc: 'CD',
  drcongo: 'CD',
  easttimor: 'TL',
  emirates: 'AE',
  england: 'GB',
  northernireland: 'GB',
  republicofireland: 'IE',
  scotland: 'GB',
  uk: 'GB',
  us: 'US',
  vatican: 'VA',
  wales: 'GB',
  angleterre: 'GB',
  ecosse: 'GB',
  paysdegalles: 'GB',
  birmanie: 'MM',
  democraticpeoplesrepublicofkorea: 'KP',
  federationderussie: 'RU',
  republiquearabesyrienne: 'SY',
  republiquedecoree: 'KR',
  republiquepopulairedemocratiquedecoree: 'KP',
  royaumeunidegrandebretagneetdirlandedunord: 'GB',
  sainthelenaascensionandtristandacunha: 'SH',
  shqiperia: 'AL',
  日本国: 'JP',
  ประเทศไทย: 'TH',
  unitedkingdomofgreatbritainandnorthernireland: 'GB',
};
const ARTICLE = /^(the|le|la|les|l['’])\s*(?=\p{L})/iu;
/** The European Union is no country; its letters alone are also how the French shorten the United States: `É.-U.`. */
const UNION = /^eu$/i;
const ASIDE = /\s*\[.*?\]\s*/g;

let fromLibrary: ReadonlyMap<string, string> | undefined;
let fromUnicode: ReadonlyMap<string, string> | undefined;

/**
 * ISO 3166-1 alpha-2 in upper case (and XK) for a country's name in any of some 80 languages, or for its alpha-2 or alpha-3
 * code in any case. Accents, case and punctuation do not matter; `Korea, Republic of` and `Korea (the Republic of)` are
 * read as they are meant. Undefined for what names no country, or names two (`Korea`).
 */
export function countryCodeOf(name: string): string | undefined {
  const text = name.trim();
  if (UNION.test(text)) return undefined;
  return codeAsGiven(text) ?? codeOfName(text) ?? codeOfName(text.replace(ARTICLE, ''));
}

function codeAsGiven(text: string): string | undefined {
  if (!/^[A-Za-z]{2,3}$/.test(text)) return undefined;
  const code = text.toUpperCase();
  if (code.length === 3) return countries.alpha3ToAlpha2(code);
  return countries.alpha2ToAlpha3(code) === undefined ? undefined : code;
}

function codeOfName(text: string): string | undefined {
  return wordings(text).map(keyOf).map(lookUp).find(Boolean);
}

/** As it is written, in speaking order, and without what stands in brackets. */
function wordings(text: string): string[] {
  const plain = text.replace(ASIDE, ' ').trim();
  const [, bracketed, aside] = /^(.+?)\s*\((.+)\)$/u.exec(plain) ?? [];
  if (bracketed && aside) {
    const said = aside.replace(ARTICLE, '');
    // `Falkland Islands (the)`: an aside of nothing but the article leaves the name.
    return [plain, `${said} ${bracketed}`, bracketed];
  }
  const [, inverted, front] = /^([^,]+),\s*([^,]+)$/u.exec(plain) ?? [];
  return inverted && front ? [plain, `${front.replace(ARTICLE, '')} ${inverted}`] : [plain];
}

function lookUp(key: string): string | undefined {
  if (Object.hasOwn(SAID, key)) return SAID[key];
  fromLibrary ??= libraryNames();
  const known = fromLibrary.get(key);
  if (known) return known;
  fromUnicode ??= unicodeNames();
  return fromUnicode.get(key);
}

/** Letters and digits only, lower case, without the accents of Latin letters. */
function keyOf(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, '');
}

/** English and French first: where two languages give one name to two countries, they are right. */
function languages(): string[] {
  return [...new Set(['en', 'fr', ...countries.getSupportedLanguages()])];
}

function libraryNames(): Map<string, string> {
  const found = new Map<string, string>();
  for (const language of languages()) {
    for (const [code, names] of Object.entries(countries.getNames(language, { select: 'all' }))) {
      for (const name of names) note(found, name, code);
    }
  }
  return found;
}

function unicodeNames(): Map<string, string> {
  const found = new Map<string, string>();
  const codes = Object.keys(countries.getAlpha2Codes());
  for (const language of Intl.DisplayNames.supportedLocalesOf([...languages(), 'zh-Hant'])) {
    for (const style of ['long', 'short'] as const) {
      const names = new Intl.DisplayNames(language, { type: 'region', style, fallback: 'none' });
      for (const code of codes) note(found, names.of(code) ?? '', code);
    }
  }
  return found;
}

function note(found: Map<string, string>, name: string, code: string): void {
  const key = keyOf(name);
  if (key !== '' && !found.has(key)) found.set(key, code);
}
