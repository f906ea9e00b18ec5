// Country codes: every name and code of ISO 3166-1 leads to its own country, and what names none to none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import countries from 'i18n-iso-countries';
import { countryCodeOf } from '../../../../clients/countries/country-code.ts';
import { FORMAL_NAMES, NATIVE_NAMES, SAID_NAMES } from './country-names.ts';

const ALPHA3 = countries.getAlpha2Codes();
const CODES = Object.keys(ALPHA3);
/** Two countries have this name in these lists; English gives it to the first. */
const SHARED = new Map([['Congo', 'CG']]);

function wrong(names: readonly (readonly [string, string])[]): string[] {
  return names
    .filter(([name, code]) => countryCodeOf(name) !== (SHARED.get(name) ?? code))
    .map(([name, code]) => `${name}: ${countryCodeOf(name)} instead of ${code}`);
}

test('every name of ISO 3166-1 in English and French, as two lists have them, leads to its code', () => {
  assert.ok(CODES.length >= 249, `${CODES.length} countries`);
  const names: [string, string][] = [];
  for (const language of ['en', 'fr']) {
    const listed = countries.getNames(language, { select: 'all' });
    for (const [code, all] of Object.entries(listed))
      for (const name of all) names.push([name, code]);
    for (const style of ['long', 'short'] as const) {
      const unicode = new Intl.DisplayNames(language, { type: 'region', style });
      for (const code of CODES) names.push([unicode.of(code) ?? '', code]);
    }
  }
  assert.ok(names.length > 1500, `${names.length} names`);
  assert.deepEqual(wrong(names), []);
});

test('the formal names of the standard, with what stands in brackets and behind commas, are read', () => {
  assert.deepEqual(wrong(FORMAL_NAMES), []);
});

test('what people say for a country is understood', () => assert.deepEqual(wrong(SAID_NAMES), []));

test('more than 30 countries are known by the name they have at home', () => {
  assert.ok(new Set(NATIVE_NAMES.map(([, code]) => code)).size >= 30);
  assert.deepEqual(wrong(NATIVE_NAMES), []);
});

test('alpha-2 and alpha-3 codes are taken as given, in any case, with blanks around', () => {
  for (const [code, alpha3] of Object.entries(ALPHA3)) {
    for (const given of [code, code.toLowerCase(), alpha3, alpha3.toLowerCase(), ` ${code}\n`]) {
      assert.equal(countryCodeOf(given), code, given);
    }
  }
});

test('accents, case and punctuation of a name do not matter', () => {
  for (const name of ['États-Unis', 'etats unis', 'ÉTATS-UNIS', 'Etats‑Unis', ' états-unis ']) {
    assert.equal(countryCodeOf(name), 'US', name);
  }
  assert.equal(countryCodeOf('Cote d’Ivoire'), 'CI');
  assert.equal(countryCodeOf('COTE DIVOIRE'), 'CI');
});

test('a text that names no country, or names two, has no code', () => {
  for (const text of [
    '',
    ' ',
    '?',
    'ZZ',
    'XXX',
    'Korea',
    'EU',
    'Atlantis',
    'Paris, USA',
    'France, Germany',
  ]) {
    assert.equal(countryCodeOf(text), undefined, text);
  }
  for (const text of ['constructor', '__proto__', 'toString', '(', '()', '(the)', ',', 'the']) {
    assert.equal(countryCodeOf(text), undefined, text);
  }
});

test('whatever is asked, the answer is a code of two capital letters or none', () =>
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) =>
      assert.match(countryCodeOf(text) ?? 'FR', /^[A-Z]{2}$/),
    ),
  ));
