// The geo-weather command: places → their weather → topic. Finds every place before it sends anything.
import { setMaxListeners } from 'node:events';
import { type FoundPlace, OpenMeteo } from '../clients/open-meteo/open-meteo.ts';
import type { Settings } from '../params/schema.ts';
import { type PipelineError, Stopping } from '../pipeline/errors.ts';
import type { CommandDeps } from '../pipeline/lifecycle.ts';
import { withRetry } from '../pipeline/retry.ts';
import { type ProducerOptions, type ProducerSummary, runProducer } from './producer.ts';
import { WeatherSource } from './sources/weather.ts';
import { bestPlace, type PlaceWish, parsePlaces, wrongPlaces } from './weather/places.ts';

/** What Open-Meteo gives a day free of charge, and how often an observation is new. */
const LOOKS_PER_DAY_MAX = 10_000;
const OBSERVATION_S = 15 * 60;
const DAY_S = 24 * 60 * 60;

/**
 * Runs as `runProducer` does, on the topic of the weather: once for each place, or until `deps.signal` aborts when
 * `weather.continuous` or `producer.maxMessages` is set. Records go to the partition of their location. Throws USAGE before
 * anything is sent, for every place that is not known.
 */
export async function runGeoWeather(
  settings: Settings,
  deps: CommandDeps,
  options: Omit<ProducerOptions, 'sources'> = {},
): Promise<ProducerSummary | undefined> {
  const { params, config } = settings;
  const { weather, producer, limits } = params;
  const { log, clock } = deps;
  const wishes = parsePlaces(weather.places);
  const openMeteo = new OpenMeteo(config.openMeteo, clock);
  const places = await findPlaces(wishes, openMeteo, settings, deps).catch(endOfStop);
  if (!places) return undefined;
  const continuous = weather.continuous || producer.maxMessages !== undefined;
  const intervalMs = weather.intervalSeconds * 1000;
  if (continuous && !config.openMeteo.apiKey) warnOfLimit(places.length, settings, deps);
  const sources = places.map((place) => {
    const { retryMs } = limits;
    return new WeatherSource({ place, openMeteo, continuous, intervalMs, retryMs, log, clock });
  });
  return runProducer(onWeatherTopic(settings), deps, { ...options, sources });
}

/** Each place once, in the order of the wishes. */
async function findPlaces(
  wishes: readonly PlaceWish[],
  openMeteo: OpenMeteo,
  { params }: Settings,
  { log, clock, signal }: CommandDeps,
): Promise<readonly FoundPlace[]> {
  const policy = { delayMs: 500, delayMsMax: 30_000, deadlineMs: params.limits.retryMs };
  const onRetry = (error: PipelineError, _: number, pauseMs: number) =>
    log.warn(`${error.message}; again in ${pauseMs} ms`);
  // The first failure stops the others: they would go on asking.
  const stop = new AbortController();
  const until = AbortSignal.any([signal, stop.signal]);
  // Every place listens to it, and Node takes more than ten listeners for a leak.
  setMaxListeners(0, until);
  const find = async (wish: PlaceWish) => {
    const { city, countryCode } = wish;
    const ask = () => openMeteo.find(city, countryCode, params.weather.language, until);
    return bestPlace(wish, await withRetry(ask, policy, clock, until, { onRetry }));
  };
  const found = await Promise.all(wishes.map(find)).finally(() => stop.abort());
  const unknown = wishes.filter((_, index) => found[index] === undefined);
  if (unknown.length > 0) {
    throw wrongPlaces(unknown.map(({ text }) => `"${text}" is not known to Open-Meteo`));
  }
  const byId = new Map<number, FoundPlace>();
  for (const place of found) if (place) byId.set(place.id, place);
  const places = [...byId.values()];
  for (const { name, regions, country, population } of places.slice(0, 10)) {
    log.info(`found ${[name, regions[0], country].filter(Boolean).join(', ')}`, { population });
  }
  return places;
}

/** Records of one place keep their order: its key leads them to one partition. */
function onWeatherTopic({ params, config }: Settings): Settings {
  const producer = { ...params.producer, partitioning: 'key' as const };
  return { config, params: { ...params, topic: params.weather.topic, producer } };
}

function warnOfLimit(places: number, { params }: Settings, { log }: CommandDeps): void {
  const seconds = Math.max(params.weather.intervalSeconds, OBSERVATION_S);
  const looks = Math.ceil((places * DAY_S) / seconds);
  if (looks <= LOOKS_PER_DAY_MAX) return;
  log.warn(
    `${places} places need ${looks} requests a day; free of charge Open-Meteo takes ${LOOKS_PER_DAY_MAX}`,
    {
      hint: 'Raise weather.intervalSeconds, or set openMeteo.apiKey and the addresses of customers.',
    },
  );
}

/** To be told to stop while places are looked up is no error. */
function endOfStop(error: unknown): undefined {
  if (!(error instanceof Stopping)) throw error;
}
