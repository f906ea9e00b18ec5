// Directory names: whatever a record calls its city, the name is safe on HDFS and on a disk.
import assert from 'node:assert/strict';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { cityDirectory, formatLocation, UNKNOWN_CITY } from '../../../pipeline/weather-location.ts';

const anything = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({ unit: 'grapheme', maxLength: 150 }),
  // What paths, shells and Hive take for something else, mixed with letters.
  fc.string({
    unit: fc.constantFrom(...'./\\_-:~ \0\n*?"\'<>|%=aé日\u0301\ud83c\u200d'),
    maxLength: 250,
  }),
);

test('the name of a city is its directory, with - for blanks', () => {
  for (const [name, directory] of [
    ['Paris', 'Paris'],
    ['New York', 'New-York'],
    ['  Saint  Denis ', 'Saint-Denis'],
    ['Aix-en-Provence', 'Aix-en-Provence'],
    ["L'Aquila", "L'Aquila"],
    ['São Paulo', 'São-Paulo'],
    ['東京', '東京'],
    ['Москва', 'Москва'],
    ['St. Louis', 'St.-Louis'],
  ] as const) {
    assert.equal(cityDirectory(name), directory);
  }
});

test('what leads elsewhere is taken out of a name', () => {
  for (const [name, directory] of [
    ['../../etc', 'etc'],
    ['../../etc/passwd', 'etc-passwd'],
    ['a/b:c', 'a-b-c'],
    ['a\\b', 'a-b'],
    ['_ledger', 'ledger'],
    ['_staging/x', 'staging-x'],
    ['.hidden', 'hidden'],
    ['Paris\0\n\u001b[31m', 'Paris-31m'],
    ['Paris.', 'Paris'],
    ['~root', 'root'],
  ] as const) {
    assert.equal(cityDirectory(name), directory);
  }
});

test('a name without a letter or digit is an unknown city', () => {
  for (const name of [
    undefined,
    '',
    ' ',
    '.',
    '..',
    '/',
    '///',
    '___',
    '-',
    '\0',
    '\u200d',
    '!?',
    '\u0301',
  ]) {
    assert.equal(cityDirectory(name), UNKNOWN_CITY, JSON.stringify(name));
  }
});

test('one name written in two forms of Unicode is one directory', () => {
  assert.equal(cityDirectory('Orle\u0301ans'), cityDirectory('Orl\u00e9ans'));
});

test('long names are cut, keep what tells them apart, and cost little', () => {
  const mega = 'x'.repeat(1024 * 1024);
  const began = performance.now();
  const [one, two] = [cityDirectory(`${mega}1`), cityDirectory(`${mega}2`)];
  assert.ok(performance.now() - began < 1000);
  assert.notEqual(one, two);
  assert.ok(Buffer.byteLength(one) <= 100);
  assert.match(cityDirectory('/'.repeat(1024 * 1024)), /^City-[0-9a-f]{10}$/);
  assert.equal(cityDirectory('a'.repeat(100)), 'a'.repeat(100));
  assert.match(cityDirectory('日'.repeat(34)), /^日{29}-[0-9a-f]{10}$/);
});

test('every name is one safe directory below its base, the same each time', () => {
  fc.assert(
    fc.property(anything, (name) => {
      const directory = cityDirectory(name);
      assert.ok(directory.length > 0 && Buffer.byteLength(directory) <= 100, directory);
      assert.equal(relative('/base', join('/base', 'FR', directory)), `FR/${directory}`);
      assert.match(
        directory,
        /^[\p{L}\p{N}]/u,
        'neither . nor _ in front: invisible to Hive, or ours',
      );
      assert.doesNotMatch(directory, /[/\\:\s*?"<>|%=]/u);
      assert.doesNotMatch(directory, /[\p{Cc}\p{Cs}]/u);
      assert.equal(directory, directory.normalize('NFC'));
      assert.equal(cityDirectory(name), directory);
      assert.equal(cityDirectory(directory), directory, 'a directory is its own name');
    }),
    { numRuns: 3000 },
  );
});

test('a location is the path below the base', () => {
  assert.equal(formatLocation({ country: 'FR', city: 'Paris' }), 'FR/Paris');
});
