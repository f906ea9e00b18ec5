// A stand-in for Open-Meteo on loopback: the geocoder and the forecast, with made weather that changes once an interval.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Clock, systemClock } from '../../pipeline/clock.ts';
import { Faults } from './faults.ts';
import { type Double, LoopbackServer } from './loopback.ts';
import { answerSearch } from './open-meteo-places.ts';
import { json } from './x-answers.ts';

type Fault =
  | 'too-many'
  | 'too-many-retry-after'
  | 'unavailable'
  | 'hang'
  | 'cut'
  | 'html'
  | 'bad-request'
  | 'unauthorized'
  | 'forbidden'
  | 'km/h'
  | 'no-values';

const FAULTS = {
  atStart: [
    ...(['too-many', 'too-many-retry-after', 'unavailable', 'hang', 'cut', 'html'] as const),
    ...(['bad-request', 'unauthorized', 'forbidden', 'km/h', 'no-values'] as const),
  ],
  midway: [],
  onCommand: ['bad-request', 'unauthorized', 'forbidden', 'km/h', 'no-values'] as const,
};

export interface OpenMeteoOptions {
  /** Seconds an observation stands, whole; 900 at Open-Meteo. */
  readonly intervalSeconds?: number;
  /** Mixes the faults that pass, by this seed. */
  readonly misbehave?: number | undefined;
  /** Faults the mix leaves out, such as those that cost time. */
  readonly spared?: readonly Fault[];
  readonly clock?: Clock;
  /** Milliseconds until an answer. */
  readonly answerMs?: number;
  /** Instead of made weather. */
  readonly weather?: (latitude: number, at: number) => Weather;
}

interface Weather {
  readonly temperature: number;
  /** Metres a second. */
  readonly windspeed: number;
}

export class OpenMeteoDouble implements Double {
  readonly faults: Faults<Fault>;
  /** Paths with their queries, in the order they came. */
  readonly requests: URL[] = [];
  /** Most requests that were open at one time. */
  atOnceMax = 0;
  readonly #options: OpenMeteoOptions;
  readonly #clock: Clock;
  readonly #loopback: LoopbackServer;
  #open = 0;

  constructor(options: OpenMeteoOptions = {}) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.faults = new Faults<Fault>(FAULTS, options.misbehave, undefined, {
      spared: options.spared ?? [],
    });
    this.#loopback = new LoopbackServer((request, response) => {
      this.#open += 1;
      this.atOnceMax = Math.max(this.atOnceMax, this.#open);
      response.on('close', () => {
        this.#open -= 1;
      });
      setTimeout(() => this.#answer(request, response), options.answerMs ?? 0);
    });
  }

  get faultNames(): readonly string[] {
    return this.faults.names;
  }

  misbehave(fault: string): void {
    this.faults.order(fault);
  }

  async listen(port?: number): Promise<string> {
    return `http://${await this.#loopback.listen(port)}`;
  }

  get openConnections(): number {
    return this.#loopback.openConnections;
  }

  close(): Promise<void> {
    return this.#loopback.close();
  }

  /** When the present observation was made: milliseconds since 1970. */
  observedAt(): number {
    const intervalMs = this.#intervalMs;
    return Math.floor(this.#clock.now() / intervalMs) * intervalMs;
  }

  get #intervalMs(): number {
    return (this.#options.intervalSeconds ?? 900) * 1000;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://double');
    this.requests.push(url);
    const isForecast = url.pathname === '/v1/forecast';
    const possible = FAULTS.atStart.filter((fault) => isForecast || !isOfForecast(fault));
    const fault = this.faults.atStart(possible);
    if (fault && refuse(fault, response, url.searchParams.get('apikey'))) return;
    if (isForecast) this.#forecast(url.searchParams, response, fault);
    else if (url.pathname === '/v1/search') answerSearch(url.searchParams, response);
    else json(response, 404, { error: true, reason: 'Not Found' });
  }

  #forecast(asked: URLSearchParams, response: ServerResponse, fault: Fault | undefined): void {
    const latitude = Number(asked.get('latitude') ?? Number.NaN);
    const longitude = Number(asked.get('longitude') ?? Number.NaN);
    const reason = mistakeIn(asked, latitude);
    if (reason !== undefined) {
      json(response, 400, { error: true, reason });
      return;
    }
    const at = this.observedAt();
    const { temperature, windspeed } = (this.#options.weather ?? madeWeather)(latitude, at);
    const inMs = asked.get('wind_speed_unit') === 'ms' && fault !== 'km/h';
    const values = {
      temperature_2m: temperature,
      wind_speed_10m: inMs ? windspeed : Number((windspeed * 3.6).toFixed(1)),
      weather_code: Math.floor(at / this.#intervalMs) % 4,
    };
    const none = { temperature_2m: null, wind_speed_10m: null, weather_code: null };
    json(response, 200, {
      // The middle of the model's cell, not the place that was asked for.
      ...{ latitude: latitude + 0.0034, longitude: longitude - 0.0021 },
      ...{ generationtime_ms: 0.03, utc_offset_seconds: 0, timezone: 'GMT' },
      ...{ timezone_abbreviation: 'GMT', elevation: 38 },
      current_units: {
        ...{ time: 'iso8601', interval: 'seconds', temperature_2m: '°C' },
        ...{ wind_speed_10m: inMs ? 'm/s' : 'km/h', weather_code: 'wmo code' },
      },
      current: {
        // Without zone, and to the minute, unless a shorter interval was asked for: it would show no change.
        time: new Date(at).toISOString().slice(0, this.#intervalMs < 60_000 ? 19 : 16),
        interval: this.#options.intervalSeconds ?? 900,
        ...(fault === 'no-values' ? none : values),
      },
    });
  }
}

function mistakeIn(asked: URLSearchParams, latitude: number): string | undefined {
  if (!(Math.abs(latitude) <= 90)) {
    return `Latitude must be in range of -90 to 90°. Given: ${latitude}.`;
  }
  return asked.get('timezone') === 'GMT' ? undefined : 'The double speaks GMT only.';
}

function isOfForecast(fault: Fault): boolean {
  return fault === 'km/h' || fault === 'no-values';
}

/** True: that was the answer, or there is none. */
function refuse(fault: Fault, response: ServerResponse, apiKey: string | null): boolean {
  const refusal = (status: number, reason: string) => {
    json(response, status, { error: true, reason });
    return true;
  };
  const minutely = 'Minutely API request limit exceeded. Please try again in one minute.';
  switch (fault) {
    case 'too-many':
      return refusal(429, minutely);
    case 'too-many-retry-after':
      response.setHeader('retry-after', '1');
      return refusal(429, minutely);
    case 'unavailable':
      response.writeHead(503, { 'content-type': 'text/html' });
      response.end('<html>Service Unavailable</html>');
      return true;
    case 'hang':
      return true;
    case 'cut':
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '500' });
      response.write('{"latitude":48.8');
      setTimeout(() => response.destroy(), 10);
      return true;
    case 'html':
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end('<html>Log in to this network</html>');
      return true;
    case 'bad-request':
      return refusal(400, 'Data corrupted at path ".current".');
    case 'unauthorized':
      return refusal(401, `The supplied API key is invalid: ${apiKey}.`);
    case 'forbidden':
      return refusal(403, 'The supplied API key is not allowed here.');
    default:
      return false;
  }
}

/** Of all levels, and another one each interval. */
function madeWeather(latitude: number, at: number): Weather {
  const phase = (at / 900_000 + latitude * 7) / 9;
  return {
    temperature: Number((20 + 18 * Math.sin(phase)).toFixed(1)),
    windspeed: Number((12 + 11 * Math.sin(phase * 1.7)).toFixed(2)),
  };
}
