// `kafka-hive geo-weather`: sends the weather of places to a topic, once or as it changes.
import type { Command } from 'commander';
import type { FlagValue } from '../params/environment.ts';
import {
  addSettingOptions,
  flagsOf,
  openContext,
  type SettingOption,
  type Surroundings,
} from './context.ts';
import { METRICS_OPTION, withProducerMetrics } from './watch.ts';

const OPTIONS: readonly SettingOption[] = [
  { flags: '--continuous', key: 'weather.continuous' },
  { flags: '--interval <seconds>', key: 'weather.intervalSeconds' },
  {
    flags: '--count <n>',
    key: 'producer.maxMessages',
    description: 'stop after this many records of all places together (means --continuous)',
  },
  { flags: '--topic <name>', key: 'weather.topic' },
  { flags: '--language <code>', key: 'weather.language' },
  { flags: '--brokers <host:port,...>', key: 'kafka.brokers' },
  METRICS_OPTION,
];

const EXAMPLES = `
Examples:
  kafka-hive geo-weather Paris France                     the present weather, once
  kafka-hive geo-weather 'New York' 'États-Unis' --continuous    each new observation, every 15 minutes
  kafka-hive geo-weather 'Paris, Texas, USA' 'London, UK'  several places; a region where names are shared
  kafka-hive geo-weather --places places.txt --continuous  one place a line

Weather data by Open-Meteo.com (https://open-meteo.com/), licence CC BY 4.0; free of charge for non-commercial use.
`;

export function addGeoWeatherCommand(program: Command, around: Surroundings): void {
  const command = program
    .command('geo-weather')
    .summary('send the weather of places to a topic')
    .description('Sends the weather of places, from Open-Meteo, to a Kafka topic.')
    .argument('[place...]', "a city and its country, or several places: 'City, Country'")
    .option('--places <file>', 'places of a file, one a line')
    .option('--from-start', 'forget which observations were sent')
    .addHelpText('after', EXAMPLES);
  addSettingOptions(command, OPTIONS).action(async (args: string[]) => {
    const flags = [...flagsOf(command, OPTIONS), ...(await places(command, args))];
    const { settings, deps } = openContext(command, around, flags);
    const { runGeoWeather } = await import('../producer/geo-weather.ts');
    const { fromStart = false } = command.opts<{ fromStart?: boolean }>();
    await withProducerMetrics(settings.params, deps, (observer) =>
      runGeoWeather(settings, deps, { fromStart, observer }),
    );
  });
}

/** Those of the arguments and of the file, instead of those of the settings. */
async function places(command: Command, args: readonly string[]): Promise<FlagValue[]> {
  const { places: file } = command.opts<{ places?: string }>();
  const { placesFromArguments, placesFromFile } = await import('../producer/weather/places.ts');
  const named = [...placesFromArguments(args), ...(file === undefined ? [] : placesFromFile(file))];
  const flag = args.length > 0 ? 'argument' : '--places';
  return args.length === 0 && file === undefined
    ? []
    : [{ key: 'weather.places', value: named, flag }];
}
