// The section of params.json for the weather: which places are looked at, how often, and where their records go.
import { z } from 'zod';
import { DAY, SECOND, topic, whole } from './schema-parts.ts';

export const weatherSchema = z.strictObject({
  topic: topic.default('geo_weather_stream').describe('Topic of the weather records'),
  places: z
    .array(
      z
        .string()
        .max(300)
        .regex(/[\p{L}\p{N}]/u, 'expected a city, or a city and its country'),
    )
    .default([])
    .describe('Places geo-weather looks at: "City", "City, Country" or "City, Region, Country"'),
  continuous: z
    .boolean()
    .default(false)
    .describe('Go on looking instead of sending the present weather once'),
  intervalSeconds: z
    .number()
    .positive()
    .max(DAY / SECOND)
    .default(60)
    .describe(
      'Seconds between two looks at a place; not before its next observation is due, as Open-Meteo says (15 minutes)',
    ),
  language: z
    .string()
    .regex(/^[a-z]{2,3}$/, 'expected a language such as fr')
    .default('fr')
    .describe('Language of the names of cities and countries'),
});

export const openMeteoSchema = z.strictObject({
  geocodingUrl: z
    .url({ protocol: /^https?$/ })
    .default('https://geocoding-api.open-meteo.com')
    .describe('Where places are looked up'),
  forecastUrl: z
    .url({ protocol: /^https?$/ })
    .default('https://api.open-meteo.com')
    .describe('Where the weather is asked for; customers: https://customer-api.open-meteo.com'),
  requestTimeoutMs: whole(10, 10 * 60 * SECOND)
    .default(10 * SECOND)
    .describe('Longest a request may stay without its answer'),
  requestsAtOnce: whole(1, 100).default(4).describe('Requests in flight at most'),
  requestsPerMinute: whole(1, 1_000_000)
    .default(300)
    .describe(
      'Requests begun in a minute at most; free of charge Open-Meteo takes 600 (5,000 an hour, 10,000 a day)',
    ),
});
