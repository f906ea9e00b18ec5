// The section of params.json for weather-alerts: which topics it reads, where alerts and counts go, what is too late.
import { z } from 'zod';
import { DAY, MINUTE, name, oneOrMore, SECOND, topic, whole } from './schema-parts.ts';

export const alertsSchema = z.strictObject({
  topics: oneOrMore(topic)
    .default(['geo_weather_stream'])
    .describe('Topics of weather records that weather-alerts reads, one or several'),
  alertTopic: topic
    .default('alert_stream')
    .describe('Topic of the weather records whose wind or heat has level 1 or 2'),
  countTopic: topic
    .default('weather_aggregates')
    .describe('Topic of the alerts per window, country and level'),
  group: name
    .default('weather-alerts')
    .describe(
      'Consumer group and transactional id of weather-alerts: one process of it works, the others stand by',
    ),
  graceMs: whole(0, DAY)
    .default(5 * MINUTE)
    .describe(
      'How much older than the newest observation of its topic partition one may be and still be counted for sure',
    ),
  idleMs: whole(SECOND, DAY)
    .default(15 * MINUTE)
    .describe(
      'A topic partition that brings nothing for so long holds no window back any more; Open-Meteo observes every 15 minutes',
    ),
  commitMs: whole(10, MINUTE)
    .default(500)
    .describe('Milliseconds between two transactions at least: how late an alert may come'),
});
