// Knows flat weather records by how they are written, without parsing them: in a stream most are written alike, and parsing is
// what takes longest. What it knows it was shown by whoever has parsed one.
import {
  heatLevel,
  WEATHER_FIELDS,
  type WeatherRecord,
  windLevel,
} from '../../pipeline/weather.ts';

type Field = keyof WeatherRecord;

const PLAIN = '[^"\\\\\\x00-\\x1f]*';
const ESCAPE = '\\\\(?:["\\\\/bfnrt]|u[0-9a-fA-F]{4})';
const STRING = `"${PLAIN}(?:${ESCAPE}${PLAIN})*"`;
/** Always finite: no power of ten, and not too many digits. */
const NUMBER = '-?(?:0|[1-9]\\d{0,15})(?:\\.\\d{1,20})?';
const TIME = '"\\d{4}-\\d\\d-\\d\\dT(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d\\.\\d{3}Z"';
/** Neither object nor array, so that it can hide no field. */
const SCALAR = `${STRING}|-?(?:0|[1-9]\\d*)(?:\\.\\d+)?(?:[eE][+-]?\\d+)?|true|false|null`;

/** How the fields of a flat record are written. */
const WRITTEN: Readonly<Record<Field, string>> = {
  timestamp: TIME,
  ...{ city: `${STRING}|null`, country: `${STRING}|null`, country_code: `${STRING}|null` },
  location: STRING,
  ...{ temperature: NUMBER, windspeed: NUMBER, weather_code: `${NUMBER}|null` },
  ...{ wind_alert_level: STRING, heat_alert_level: STRING },
  ...{ latitude: `${NUMBER}|null`, longitude: `${NUMBER}|null`, timezone: `${STRING}|null` },
};
/** Without these there is nothing to be sure of. */
const NEEDED = [
  ...(['timestamp', 'temperature', 'windspeed', 'location'] as const),
  ...(['wind_alert_level', 'heat_alert_level'] as const),
] as const;
const LEVELS = ['"level_0"', '"level_1"', '"level_2"'] as const;

/** How records are written that have certain fields in a certain order. */
interface Shape {
  readonly pattern: RegExp;
  /** Which group of the pattern is the text of the field; of one that such records have not, an empty one. */
  readonly groups: Readonly<Record<Field, number>>;
}

/** The texts of a place that was written just as the flat record has it. */
interface Place {
  readonly location: string;
  readonly city: string | undefined;
  readonly country: string | undefined;
  readonly countryCode: string | undefined;
  readonly timezone: string | undefined;
}

/** Longer texts and longer lists of fields are left to whoever parses: patterns have limits of their own. */
const TEXT_MAX = 4096;
const NAMES_MAX = 64;
/** A pattern is made for so many records that had these fields, as it takes as long as parsing some of them. */
const SHOWN_MIN = 100;
/** What is remembered: lists of fields that were seen, patterns of them, places. */
const SEEN_MAX = 64;
const SHAPES_MAX = 4;
const PLACES_MAX = 10_000;

export class FlatTexts {
  /** The one that was found last is first. */
  readonly #shapes: Shape[] = [];
  /** By the text of the location. */
  readonly #places = new Map<string, Place>();
  /** By list of fields: how many records were shown that have it and are of no shape. */
  readonly #shown = new Map<string, number>();
  /** A day that the calendar has, `"2026-11-22T`. */
  #day = '';

  /**
   * The location of a record that is JSON on one line, each field there once, and whose flat record says the same in
   * the same words. Undefined: not known.
   */
  locationOf(text: string): string | undefined {
    const [found, groups] = this.#find(text) ?? [];
    if (!found || !groups) return undefined;
    const place = this.#places.get(found[groups.location] ?? '');
    if (place === undefined || found[groups.city] !== place.city) return undefined;
    if (found[groups.country] !== place.country) return undefined;
    if (found[groups.country_code] !== place.countryCode) return undefined;
    if (found[groups.timezone] !== place.timezone) return undefined;
    const heat = LEVELS[heatLevel(Number(found[groups.temperature]))];
    const wind = LEVELS[windLevel(Number(found[groups.windspeed]))];
    if (found[groups.heat_alert_level] !== heat) return undefined;
    if (found[groups.wind_alert_level] !== wind) return undefined;
    return this.#isTime(found[groups.timestamp] ?? '') ? place.location : undefined;
  }

  /**
   * Is shown a `text` of which is known what `locationOf` says: of the record with the fields `names`, in that order, at
   * `location`. After some that are written alike it knows others.
   */
  learn(text: string, names: readonly string[], location: string): void {
    if (text.length > TEXT_MAX || names.length > NAMES_MAX) return;
    const [found, groups] = this.#find(text) ?? [];
    if (!found || !groups) {
      this.#count(names, text);
      return;
    }
    if (this.#places.size >= PLACES_MAX) this.#places.clear();
    this.#places.set(own(found[groups.location]) ?? '', {
      location,
      city: own(found[groups.city]),
      country: own(found[groups.country]),
      countryCode: own(found[groups.country_code]),
      timezone: own(found[groups.timezone]),
    });
  }

  #find(text: string): readonly [RegExpExecArray, Shape['groups']] | undefined {
    if (text.length > TEXT_MAX) return undefined;
    for (const [index, shape] of this.#shapes.entries()) {
      const found = shape.pattern.exec(text);
      if (!found) continue;
      if (index > 0) this.#shapes.unshift(...this.#shapes.splice(index, 1));
      return [found, shape.groups];
    }
    return undefined;
  }

  #count(names: readonly string[], text: string): void {
    const key = JSON.stringify(names);
    const times = (this.#shown.get(key) ?? 0) + 1;
    if (this.#shown.size >= SEEN_MAX && times === 1) this.#shown.clear();
    this.#shown.set(key, times);
    if (times % SHOWN_MIN !== 0) return;
    const shape = shapeOf(names);
    // No text with an object, an array or an escaped name matches: that one would only take the place of another.
    if (!shape?.pattern.test(text)) return;
    this.#shapes.unshift(shape);
    if (this.#shapes.length > SHAPES_MAX) this.#shapes.pop();
  }

  /** `text` is a time that the calendar has. */
  #isTime(text: string): boolean {
    if (this.#day !== '' && text.startsWith(this.#day)) return true;
    const time = text.slice(1, -1);
    const ms = Date.parse(time);
    if (Number.isNaN(ms) || new Date(ms).toISOString() !== time) return false;
    this.#day = text.slice(0, '"yyyy-mm-ddT'.length);
    return true;
  }
}

/** Undefined where such records always have to be looked at closer. */
function shapeOf(names: readonly string[]): Shape | undefined {
  if (!NEEDED.every((field) => names.includes(field))) return undefined;
  const read = names.filter(isField);
  const fields = names.map(
    (name) => `"${literal(name)}": ?${isField(name) ? `(${WRITTEN[name]})` : `(?:${SCALAR})`}`,
  );
  const groupOf = (field: Field) => 1 + (read.includes(field) ? read.indexOf(field) : read.length);
  return {
    pattern: new RegExp(`^\\{${fields.join(', ?')}\\}()$`),
    groups: Object.fromEntries(WEATHER_FIELDS.map((field) => [field, groupOf(field)])) as Record<
      Field,
      number
    >,
  };
}

function isField(name: string): name is Field {
  return Object.hasOwn(WRITTEN, name);
}

/** A piece of a text keeps the whole text in memory, a copy does not. */
function own(text: string | undefined): string | undefined {
  return text === undefined ? undefined : Buffer.from(text).toString();
}

/** A pattern that is `text` and nothing else. */
function literal(text: string): string {
  return text.replace(
    /[^\w ]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
