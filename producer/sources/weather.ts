// The weather of one place: looks again and again, and yields each observation once.
import { countryCodeOf } from '../../clients/countries/country-code.ts';
import type { FoundPlace, Observation, OpenMeteo } from '../../clients/open-meteo/open-meteo.ts';
import type { Clock } from '../../pipeline/clock.ts';
import { PipelineError } from '../../pipeline/errors.ts';
import type { Log } from '../../pipeline/log.ts';
import {
  ID_HEADER,
  type Source,
  type SourceGap,
  type SourceRecord,
} from '../../pipeline/source.ts';
import { heatLevel, type Weather, weatherRecord, windLevel } from '../../pipeline/weather.ts';
import { cityDirectory, formatLocation, UNKNOWN_COUNTRY } from '../../pipeline/weather-location.ts';
import { Reconnects } from './reconnects.ts';

/** Time of the last observation, ISO 8601. */
export interface WeatherCursor {
  readonly observedAt: string;
}

export interface WeatherOptions {
  readonly place: FoundPlace;
  readonly openMeteo: Pick<OpenMeteo, 'present'>;
  /** False: one observation, and the source ends. */
  readonly continuous: boolean;
  /** Milliseconds between two looks at least. */
  readonly intervalMs: number;
  /** Milliseconds without an answer after which the source gives up; waiting for a rate limit does not count. */
  readonly retryMs: number;
  readonly log: Log;
  readonly clock: Clock;
  /** Shortens the pauses after failures, for tests. */
  readonly pauseFactor?: number;
}

type Item = SourceRecord<WeatherCursor>;

/** An observation comes at once after its time; a look in vain is repeated no sooner. */
const SOON_MS = 1000;

/**
 * What Open-Meteo gives is the present weather, so an observation nobody looked at cannot be asked for later: such a time,
 * from the cursor on, is told as a gap. No observation is yielded that is not newer than the cursor. Throws SOURCE_REJECTED
 * when Open-Meteo refuses for good, SOURCE_UNAVAILABLE when nothing worked for `retryMs`.
 */
export class WeatherSource implements Source<WeatherCursor> {
  readonly name: string;
  /** Nothing is left out. */
  readonly leftOut = 0;
  readonly gaps: SourceGap[] = [];
  readonly #options: WeatherOptions;
  readonly #location: Weather['location'];

  constructor(options: WeatherOptions) {
    const { id, name, countryCode = '' } = options.place;
    this.#options = options;
    const country = countryCodeOf(countryCode) ?? UNKNOWN_COUNTRY;
    this.#location = { country, city: cityDirectory(name) };
    this.name = `weather ${formatLocation(this.#location)} #${id}`;
  }

  parseCursor(saved: unknown): WeatherCursor {
    const { observedAt } = Object(saved) as Partial<WeatherCursor>;
    if (typeof observedAt === 'string' && !Number.isNaN(Date.parse(observedAt))) {
      return { observedAt };
    }
    throw new PipelineError('POSITION_CORRUPT', `the saved cursor is not one of ${this.name}`, {
      hint: 'Start with `--from-start` to ignore it: the present weather is sent.',
    });
  }

  async *read(
    after: WeatherCursor | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<Item, void, void> {
    const { place, openMeteo, continuous, clock, log, pauseFactor = 1 } = this.#options;
    const reconnects = new Reconnects({ ...this.#options, pauseFactor });
    let last = after && Date.parse(after.observedAt);
    while (!signal.aborted) {
      try {
        const seen = await openMeteo.present(place, signal);
        reconnects.worked();
        if (last === undefined || seen.observedAt > last) {
          if (continuous) this.#tellGap(last, seen);
          last = seen.observedAt;
          yield this.#item(seen);
        } else if (!continuous) {
          log.info(`${this.name}: the observation of ${isoTime(last)} was sent before`);
        }
        if (!continuous) return;
        await clock.sleep(this.#pauseMs(seen), signal);
      } catch (error) {
        if (signal.aborted) return;
        await reconnects.pause(error, signal);
      }
    }
  }

  /** Until the interval is over and the next observation is due. */
  #pauseMs({ observedAt, intervalMs }: Observation): number {
    const dueMs = observedAt + intervalMs - this.#options.clock.now();
    // A clock that is wrong by hours may not keep us away for hours.
    return Math.max(this.#options.intervalMs, Math.min(dueMs, intervalMs), SOON_MS);
  }

  #tellGap(last: number | undefined, { observedAt, intervalMs }: Observation): void {
    if (last === undefined || observedAt - last <= intervalMs) return;
    // Looking seldom on purpose loses nothing that was wanted.
    if (observedAt - last <= this.#options.intervalMs + intervalMs) return;
    const gap = { from: last + intervalMs, to: observedAt, why: 'nobody looked at the weather' };
    this.gaps.push(gap);
    const hours = ((gap.to - gap.from) / 3_600_000).toFixed(1);
    this.#options.log.warn(`${this.name}: no observation of ${hours} hours, ${gap.why}`, {
      from: isoTime(gap.from),
      to: isoTime(gap.to),
    });
  }

  #item(seen: Observation): Item {
    const { place } = this.#options;
    const { temperature, windspeed, weatherCode } = seen;
    const weather = weatherRecord({
      location: this.#location,
      ...{ city: place.name, country: place.country, observedAt: seen.observedAt },
      ...{ temperature, windspeed, weatherCode },
      windLevel: windspeed === undefined ? undefined : windLevel(windspeed),
      heatLevel: temperature === undefined ? undefined : heatLevel(temperature),
      ...{ latitude: place.latitude, longitude: place.longitude, timezone: place.timezone },
    });
    const observedAt = isoTime(seen.observedAt);
    const id = `${weather.location} #${place.id} ${observedAt}`;
    const record = {
      // Of all observations of a place: they stay in order, and the header tells them apart.
      key: Buffer.from(weather.location),
      value: Buffer.from(JSON.stringify(weather)),
      headers: { [ID_HEADER]: id },
    };
    return { record, cursor: { observedAt }, id };
  }
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
