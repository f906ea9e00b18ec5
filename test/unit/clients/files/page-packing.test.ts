// The bytes of an append: at every page border of the file a line, or a gzip member, ends, and the lines are those that came.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { PAGE_BYTES, packPages } from '../../../../clients/files/page-packing.ts';

/** Lines of JSON of so many bytes, from 20 on; hard to compress. */
function linesOf(lengths: readonly number[]): Buffer {
  const lines = lengths.map((length, index) => {
    let text = '';
    let state = index + 7;
    while (text.length < length - 11) {
      state = (state * 48_271) % 2_147_483_647;
      text += state.toString(36);
    }
    return `{"value":"${text.slice(0, Math.max(1, length - 13))}"}\n`;
  });
  return Buffer.from(lines.join(''));
}

const parsed = (text: string) =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line).value);

/** The lengths a reader may see while `bytes` are appended to a file of `length`: page borders, and the end. */
function visible(length: number, bytes: number): number[] {
  const borders: number[] = [];
  const end = length + bytes;
  for (let at = length - (length % PAGE_BYTES) + PAGE_BYTES; at < end; at += PAGE_BYTES) {
    borders.push(at);
  }
  return [...borders, end];
}

const short = fc.array(fc.integer({ min: 20, max: 900 }), { minLength: 1, maxLength: 120 });

describe('plain lines', () => {
  test('no line crosses a page border, whatever the lengths, and each stands once in order', () => {
    fc.assert(
      fc.property(short, short, (first, second) => {
        // The second append begins wherever the first one ended.
        let file = Buffer.alloc(0);
        for (const lines of [linesOf(first), linesOf(second)]) {
          const { bytes, isAligned } = packPages(lines, file.length, false);
          const grown = Buffer.concat([file, bytes]);
          if (isAligned) {
            for (const end of visible(file.length, bytes.length)) {
              assert.equal(grown[end - 1], 0x0a, `a reader sees ${end} bytes`);
            }
          }
          file = grown;
        }
        const all = `${linesOf(first)}${linesOf(second)}`;
        assert.deepEqual(parsed(file.toString()), parsed(all));
        assert.equal(file.toString().split('\n').length, all.split('\n').length, 'no empty line');
      }),
      { numRuns: 300 },
    );
  });

  test('appends of alike lines are always aligned, and padding stays below an eighth', () => {
    for (const perAppend of [1, 3, 12, 200]) {
      let [length, plain] = [0, 0];
      for (let round = 0; round < 300; round += 1) {
        const lines = linesOf(
          Array.from({ length: perAppend }, (_, i) => 240 + ((i + round) % 40)),
        );
        const { bytes, isAligned } = packPages(lines, length, false);
        assert.ok(isAligned, `round ${round} of ${perAppend} lines`);
        length += bytes.length;
        plain += lines.length;
      }
      assert.ok(length / plain < 1.125, `${perAppend} lines: ${length / plain}`);
    }
  });

  test('a line longer than a page, or than what is left of one at the end of the file, cannot be aligned', () => {
    const isAligned = (lengths: number[], length: number) =>
      packPages(linesOf(lengths), length, false).isAligned;
    assert.equal(isAligned([PAGE_BYTES + 1], 0), false);
    assert.equal(isAligned([100, PAGE_BYTES + 1, 100], 0), false);
    assert.equal(isAligned([300], PAGE_BYTES - 200), false);
    assert.equal(isAligned([300], PAGE_BYTES - 300), true);
    assert.equal(isAligned([PAGE_BYTES], 0), true);
  });
});

describe('gzip members', () => {
  test('no member crosses a page border, and the file reads as one stream of the lines', () => {
    fc.assert(
      fc.property(short, short, (first, second) => {
        let file = Buffer.alloc(0);
        let text = '';
        for (const lines of [linesOf(first), linesOf(second)]) {
          const { bytes, isAligned } = packPages(lines, file.length, true);
          assert.ok(isAligned);
          const grown = Buffer.concat([file, bytes]);
          for (const end of visible(file.length, bytes.length)) {
            const seen = gunzipSync(grown.subarray(0, end)).toString();
            assert.ok(`${text}${lines}`.startsWith(seen) && seen.endsWith('\n'));
          }
          file = grown;
          text += lines.toString();
          assert.equal(gunzipSync(file).toString(), text);
        }
      }),
      { numRuns: 100 },
    );
  });

  test('a line that is larger than a page even when compressed makes one member of everything', () => {
    const lines = linesOf([300, 9000, 300]);
    const { bytes, isAligned } = packPages(lines, 100, true);
    assert.equal(isAligned, false);
    assert.equal(gunzipSync(bytes).toString(), lines.toString());
  });

  test('alerts lose three quarters of their bytes, padding included', () => {
    let [length, plain] = [0, 0];
    for (let round = 0; round < 200; round += 1) {
      const lines = Array.from({ length: 125 }, (_, i) =>
        JSON.stringify({
          timestamp: new Date(1.7e12 + (round * 125 + i) * 60_000).toISOString(),
          ...{ city: 'Paris', country: 'France', country_code: 'FR' },
          temperature: ((i * 7919 + round) % 450) / 10,
          windspeed: ((i * 104_729 + round) % 300) / 10,
          ...{ weather_code: i % 99, wind_alert_level: 'level_1', heat_alert_level: 'level_0' },
          location: 'FR/Paris',
        }),
      );
      const body = Buffer.from(`${lines.join('\n')}\n`);
      length += packPages(body, length, true).bytes.length;
      plain += body.length;
    }
    assert.ok(length / plain < 0.25, `${length / plain}`);
  });
});
