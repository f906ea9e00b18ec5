// The places a person writes down, and which of those the geocoder finds is meant.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { FoundPlace } from '../../../../clients/open-meteo/open-meteo.ts';
import { isCode } from '../../../../pipeline/errors.ts';
import {
  bestPlace,
  parsePlaces,
  placesFromArguments,
  placesFromFile,
} from '../../../../producer/weather/places.ts';
import { stateDirectory } from '../../../support/settings.ts';

const one = (text: string) => parsePlaces([text])[0];
const usage = (run: () => unknown, said: RegExp) =>
  assert.throws(run, (error) => isCode(error, 'USAGE') && said.test(error.message) && !!error.hint);

const found = (
  id: number,
  countryCode: string,
  population: number,
  region: string,
): FoundPlace => ({
  ...{ id, name: 'Paris', country: countryCode, countryCode, regions: [region], population },
  ...{ latitude: 0, longitude: 0, timezone: undefined },
});
const PLACES = [
  found(1, 'US', 24_171, 'Texas'),
  found(2, 'FR', 2_138_551, 'Île-de-France'),
  found(3, 'US', 9846, 'Kentucky'),
];
const best = (text: string) => bestPlace(one(text) ?? assert.fail(), PLACES)?.id;

test('two arguments are a city and its country, as in the exercise', () => {
  assert.deepEqual(placesFromArguments(['Paris', 'France']), ['Paris, France']);
  assert.deepEqual(placesFromArguments(['New York', 'United States']), ['New York, United States']);
  assert.deepEqual(placesFromArguments(['Paris']), ['Paris']);
  assert.deepEqual(placesFromArguments([]), []);
});

test('arguments with commas are a place each', () => {
  const places = ['Paris, France', 'London', 'Lyon, France'];
  assert.deepEqual(placesFromArguments(places), places);
});

test('three words are no place, and the hint says how to write it', () => {
  usage(() => placesFromArguments(['New', 'York', 'USA']), /3 arguments/);
});

test('a country may be named in any language or by its code', () => {
  for (const country of ['France', 'Frankreich', 'フランス', 'FR', 'fra']) {
    assert.equal(one(`Paris, ${country}`)?.countryCode, 'FR', country);
  }
  assert.equal(one('Paris, États-Unis')?.countryCode, 'US');
  assert.equal(one('Paris,USA')?.countryCode, 'US');
  assert.equal(one('Paris')?.countryCode, undefined);
});

test('every text that is no place is named, all at once', () => {
  usage(
    () => parsePlaces(['Paris, Atlantis', 'Lyon', ', France', 'a, b, c, d']),
    /"Paris, Atlantis": no country is called Atlantis; ", France" is no place; "a, b, c, d" is no/,
  );
});

test('no place at all is no work, and ten thousand are too many', () => {
  usage(() => parsePlaces([]), /no place is named/);
  usage(() => parsePlaces(Array(10_001).fill('Paris')), /10001 places/);
});

test('a file has one place a line; blank lines and comments say nothing', () => {
  const file = join(stateDirectory(), 'places.txt');
  writeFileSync(file, '\ufeff# capitals\nParis, France\r\n\n  東京, 日本 \n# Atlantis\n');
  assert.deepEqual(placesFromFile(file), ['Paris, France', '東京, 日本']);
});

test('a file of places that cannot be read is named', () => {
  assert.throws(
    () => placesFromFile('/nowhere/places.txt'),
    (error) =>
      isCode(error, 'SOURCE_INPUT_INVALID') &&
      error.message.includes('/nowhere/places.txt (ENOENT)'),
  );
});

test('the largest place of that name is meant, in the country and region that are named', () => {
  assert.equal(best('Paris'), 2);
  assert.equal(best('Paris, France'), 2);
  assert.equal(best('Paris, USA'), 1);
  assert.equal(best('Paris, Kentucky, USA'), 3);
  assert.equal(best('Paris, ile-de-france, France'), 2);
  assert.equal(best('Paris, Germany'), undefined);
  assert.equal(best('Paris, Ohio, USA'), undefined);
});
