// From lines of JSON to the table `observations`, which every view asks: fields read in each shape they come in, values that
// cannot be measurements left out and counted, times in UTC and on the clock of the place.
import { countryCodeOf } from '../clients/countries/country-code.ts';
import { type Analysis, quotePath, quoteText } from '../clients/duckdb/analysis.ts';
import { HEAT_LEVELS, WEATHER_FIELDS, WIND_LEVELS } from '../pipeline/weather.ts';
import { WEATHER_CODES } from './weather-codes.ts';

/** Degrees Celsius and metres a second beyond which a value is no measurement. */
export const TEMPERATURE_RANGE = [-50, 60] as const;
export const WIND_RANGE = [0, 200] as const;

/** Lines as they were read. NaN stands for what was given and is no number. */
const LINES = `CREATE TABLE lines (
  readable BOOLEAN, observed TIMESTAMP, timezone VARCHAR, code VARCHAR, country VARCHAR, city VARCHAR,
  temperature DOUBLE, windspeed DOUBLE, weather_code DOUBLE, wind_given TINYINT, heat_given TINYINT,
  latitude DOUBLE, longitude DOUBLE)`;

const MACROS = [
  `CREATE MACRO named(text) AS nullif(trim(text), '')`,
  `CREATE MACRO measure(text) AS
    CASE WHEN named(text) IS NULL THEN NULL ELSE coalesce(TRY_CAST(trim(text) AS DOUBLE), 'NaN'::DOUBLE) END`,
  // A number is seconds or milliseconds since 1970; text without a zone is UTC. Other centuries are no time of a record.
  `CREATE MACRO since_1970(number) AS
    CASE WHEN abs(number) < 4e9 THEN make_timestamp((number * 1e6)::BIGINT)
      WHEN abs(number) < 4e12 THEN make_timestamp((number * 1e3)::BIGINT) END`,
  `CREATE MACRO instant(text) AS
    coalesce(TRY_CAST(text AS TIMESTAMPTZ) AT TIME ZONE 'UTC', since_1970(TRY_CAST(text AS DOUBLE)))`,
  `CREATE MACRO level_given(text) AS
    TRY_CAST(regexp_extract(text, '^(?:level_)?([012])$', 1) AS TINYINT)`,
  `CREATE MACRO level_between(value, low, high) AS
    CASE WHEN value < low THEN 0 WHEN value > high THEN 2 ELSE 1 END`,
  // Spreadsheets take a text that begins so for a formula, unless a quote stands before it.
  `CREATE MACRO sheet_cell(value) AS
    CASE WHEN typeof(value) = 'VARCHAR' AND regexp_matches(value::VARCHAR, '^\\s*[=+\\-@＝＋－＠]|^[\\t\\r\\n]')
      THEN '''' || value ELSE value::VARCHAR END`,
];

export interface Loading {
  readonly analysis: Analysis;
  readonly signal: AbortSignal;
}

/** Makes the empty tables. Call it once, before the first `loadLines`. */
export async function createTables({ analysis, signal }: Loading): Promise<void> {
  const meanings = Object.entries(WEATHER_CODES).map(
    ([code, meaning]) => `(${code}, ${quoteText(meaning)})`,
  );
  for (const sql of [
    LINES,
    ...MACROS,
    `CREATE TABLE meanings AS FROM (VALUES ${meanings.join(', ')}) AS t(weather_code, meaning)`,
  ])
    await analysis.run('prepare the report', sql, signal);
}

/**
 * Reads files of JSON Lines, `.gz` among them, as `.../<country code>/<city>/<file>`: the directories name the place where the
 * record does not. A line that is no JSON object becomes a row that is not readable. Throws REPORT_INPUT.
 */
export async function loadLines(
  { analysis, signal }: Loading,
  paths: readonly string[],
): Promise<void> {
  const columns = [...WEATHER_FIELDS, 'current_weather'].map((field) => `${field}: 'VARCHAR'`);
  // The original geo producer nests its record, and has its wind in km/h.
  await analysis.run(
    'read the records',
    `INSERT INTO lines
    WITH read AS (
      SELECT *, split_part(filename, '/', -3) AS code_directory, split_part(filename, '/', -2) AS city_directory,
        CASE WHEN location LIKE '{%' THEN TRY_CAST(location AS JSON) END AS place,
        TRY_CAST(current_weather AS JSON) AS current
      FROM read_json([${paths.map(quotePath).join(', ')}], format = 'newline_delimited', ignore_errors = true,
        filename = true, columns = {${columns.join(', ')}}))
    SELECT
      coalesce(${[...WEATHER_FIELDS, 'current_weather'].join(', ')}) IS NOT NULL,
      instant(timestamp),
      coalesce(named(timezone), place->>'$.timezone'),
      CASE WHEN regexp_full_match(code_directory, '[A-Z]{2}') THEN code_directory
        WHEN regexp_full_match(country, '[A-Z]{2}') THEN country
        ELSE coalesce(named(upper(coalesce(country_code, place->>'$.geography.country_code'))), 'UNKNOWN') END,
      coalesce(named(country), place->>'$.geography.country'),
      coalesce(named(city), place->>'$.geography.name', city_directory),
      measure(coalesce(temperature, current->>'$.temperature')),
      coalesce(measure(windspeed), measure(current->>'$.wind_speed') / 3.6),
      measure(coalesce(weather_code, current->>'$.weather_code')),
      level_given(wind_alert_level), level_given(heat_alert_level),
      measure(coalesce(latitude, place->>'$.coordinates.latitude')),
      measure(coalesce(longitude, place->>'$.coordinates.longitude'))
    FROM read`,
    signal,
  );
}

/**
 * Makes `observations` of all that was loaded, of one country only when its code or name is given, the name in any
 * language or as the records have it. A level follows from the measure; the one a record gives counts where it has no measure.
 * `local` is the time at the place, UTC where no zone is known.
 */
export async function createObservations(
  { analysis, signal }: Loading,
  country: string | undefined,
): Promise<void> {
  const wanted =
    country === undefined
      ? 'true'
      : `(${quoteText(country.toLowerCase())} IN (lower(code), lower(country))
          OR code = ${quoteText(countryCodeOf(country) ?? country)})`;
  const between = (value: string, [low, high]: readonly [number, number]) =>
    `CASE WHEN ${value} BETWEEN ${low} AND ${high} THEN ${value} END`;
  await analysis.run(
    'clean the records',
    `CREATE TABLE observations AS
    WITH zones AS (SELECT name FROM pg_timezone_names()), cleaned AS (
      SELECT * REPLACE (
          CASE WHEN observed BETWEEN '1970-01-02' AND '2099-12-31' THEN observed END AS observed,
          ${between('temperature', TEMPERATURE_RANGE)} AS temperature,
          ${between('windspeed', WIND_RANGE)} AS windspeed,
          ${between('weather_code', [0, 99])}::INTEGER AS weather_code,
          ${between('latitude', [-90, 90])} AS latitude,
          ${between('longitude', [-180, 180])} AS longitude),
        temperature IS NOT NULL AS has_temperature, windspeed IS NOT NULL AS has_wind
      FROM lines WHERE readable AND ${wanted})
    SELECT observed, coalesce(observed AT TIME ZONE 'UTC' AT TIME ZONE zones.name, observed) AS local, code, country, city,
      temperature, windspeed, weather_code, latitude, longitude,
      has_temperature AND temperature IS NULL AS temperature_left_out,
      has_wind AND windspeed IS NULL AS wind_left_out,
      CASE WHEN has_wind THEN CASE WHEN windspeed IS NOT NULL THEN level_between(windspeed, ${WIND_LEVELS.join(', ')}) END
        ELSE wind_given END AS wind_level,
      CASE WHEN has_temperature THEN CASE WHEN temperature IS NOT NULL THEN level_between(temperature, ${HEAT_LEVELS.join(', ')}) END
        ELSE heat_given END AS heat_level
    FROM cleaned LEFT JOIN zones ON zones.name = cleaned.timezone`,
    signal,
  );
}
