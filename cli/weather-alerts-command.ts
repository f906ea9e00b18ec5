// `kafka-hive weather-alerts`: alerts and counts of alerts from a stream of weather records.
import type { Command } from 'commander';
import {
  addSettingOptions,
  flagsOf,
  openContext,
  type SettingOption,
  type Surroundings,
} from './context.ts';

const OPTIONS: readonly SettingOption[] = [
  { flags: '--topics <name,...>', key: 'alerts.topics' },
  { flags: '--alert-topic <name>', key: 'alerts.alertTopic' },
  { flags: '--count-topic <name>', key: 'alerts.countTopic' },
  { flags: '--group <id>', key: 'alerts.group' },
  { flags: '--on-gap <policy>', key: 'consumer.onGap' },
  { flags: '--brokers <host:port,...>', key: 'kafka.brokers' },
];

const EXAMPLES = `
Examples:
  kafka-hive weather-alerts                             geo_weather_stream to alert_stream and weather_aggregates
  kafka-hive weather-alerts --topics weather_stream,geo_weather_stream
  kafka-hive weather-alerts --set alerts.graceMs=60000  counts a minute after their window ends

Start it twice and the second one takes over when the first one dies.
Read what it sends as "read committed": other readers also see what was never committed.
`;

export function addWeatherAlertsCommand(program: Command, around: Surroundings): void {
  const command = program
    .command('weather-alerts')
    .summary('alerts and counts of alerts from weather records')
    .description(
      'Sends weather records of level 1 and 2 to a topic, and how many there are per window, country and level to another; exactly once.',
    )
    .addHelpText('after', EXAMPLES);
  addSettingOptions(command, OPTIONS).action(async () => {
    const { settings, deps } = openContext(command, around, flagsOf(command, OPTIONS));
    const { runWeatherAlerts } = await import('../consumer/weather-alerts.ts');
    await runWeatherAlerts(settings, deps);
  });
}
