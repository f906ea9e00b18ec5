// The views of a report: what each is called, the question behind it, and how its columns are shown. A view is a table of the
// page, the data of its chart, a part of the statistics, and perhaps a file of the export.

export const SECTIONS = ['temperature', 'wind', 'alerts', 'geographic', 'temporal'] as const;
export type Section = (typeof SECTIONS)[number];

export interface View {
  /** Name of its chart in the page and of its part in the statistics. */
  readonly id: string;
  readonly section: Section;
  readonly title: string;
  /** One sentence: what is counted, in which unit, and what is left out. */
  readonly note: string;
  /** Headings by column; a column without one is for the chart alone. */
  readonly columns: Readonly<Record<string, string>>;
  readonly sql: string;
  /** Name of the file of the export. */
  readonly file?: string;
}

/** A step of the time axis: its name and DuckDB's interval, so that a chart has no more than some hundred points. */
export interface Step {
  readonly name: string;
  readonly interval: string;
  readonly seconds: number;
}

const STEPS: readonly Step[] = [
  { name: 'minute', interval: '1 minute', seconds: 60 },
  { name: '15 minutes', interval: '15 minutes', seconds: 900 },
  { name: 'hour', interval: '1 hour', seconds: 3600 },
  { name: '6 hours', interval: '6 hours', seconds: 21_600 },
  { name: 'day', interval: '1 day', seconds: 86_400 },
  { name: 'week', interval: '7 days', seconds: 604_800 },
];
const LONGEST: Step = { name: '30 days', interval: '30 days', seconds: 2_592_000 };
const POINTS_MAX = 370;
const SERIES_MAX = 5;
const CITIES_MAX = 1000;
const TOP_CITIES = 20;

export function stepFor(spanSeconds: number): Step {
  return STEPS.find(({ seconds }) => spanSeconds / seconds <= POINTS_MAX) ?? LONGEST;
}

const ANY_ALERT = 'coalesce(wind_level, 0) > 0 OR coalesce(heat_level, 0) > 0';
const TEMPERATURE = `round(avg(temperature), 2) AS temperature_mean, min(temperature) AS temperature_min,
  max(temperature) AS temperature_max`;
const WIND = 'round(avg(windspeed), 2) AS wind_mean, max(windspeed) AS wind_max';
const ALERTS = `count(*) FILTER (wind_level = 1) AS wind_level_1, count(*) FILTER (wind_level = 2) AS wind_level_2,
  count(*) FILTER (heat_level = 1) AS heat_level_1, count(*) FILTER (heat_level = 2) AS heat_level_2`;
const MEASURES = `count(*) AS records, ${TEMPERATURE}, ${WIND}, ${ALERTS}`;

const TEMPERATURE_COLUMNS = {
  temperature_mean: 'Mean °C',
  temperature_min: 'Lowest °C',
  temperature_max: 'Highest °C',
};
const WIND_COLUMNS = { wind_mean: 'Mean m/s', wind_max: 'Strongest m/s' };
const ALERT_COLUMNS = {
  wind_level_1: 'Wind level 1',
  wind_level_2: 'Wind level 2',
  heat_level_1: 'Heat level 1',
  heat_level_2: 'Heat level 2',
};
const MEASURE_COLUMNS = {
  records: 'Records',
  ...TEMPERATURE_COLUMNS,
  ...WIND_COLUMNS,
  ...ALERT_COLUMNS,
};

/** How many there are of what, for the head of the page; one row. */
export const OVERVIEW = `SELECT count(*) AS records, (SELECT count(*) FROM lines WHERE NOT readable) AS unreadable_lines,
  count(*) FILTER (observed IS NULL) AS without_time, count(*) FILTER (temperature_left_out) AS temperatures_left_out,
  count(*) FILTER (wind_left_out) AS winds_left_out, count(DISTINCT code) AS countries,
  count(DISTINCT (code, city)) AS cities, min(observed) AS first, max(observed) AS last,
  coalesce(date_diff('second', min(observed), max(observed)), 0) AS span_seconds, ${TEMPERATURE}, ${WIND}, ${ALERTS},
  count(*) FILTER (${ANY_ALERT}) AS alerts FROM observations`;

export function views(step: Step): View[] {
  const time = `time_bucket(INTERVAL '${step.interval}', observed)`;
  return [...overTime(time, step), ...alerts(time, step), ...places(), ...patterns()];
}

function overTime(time: string, step: Step): View[] {
  const series = (columns: string) => `SELECT ${time} AS time, code, ${columns} FROM observations
    WHERE observed IS NOT NULL AND code IN (SELECT code FROM observations GROUP BY code ORDER BY count(*) DESC, code LIMIT ${SERIES_MAX})
    GROUP BY ALL ORDER BY time, code`;
  const all = (columns: string) => `SELECT ${time} AS time, count(*) AS records, ${columns}
    FROM observations WHERE observed IS NOT NULL GROUP BY ALL ORDER BY time`;
  const head = { time: 'Time (UTC)', records: 'Records' };
  const country = { time: 'Time (UTC)', code: 'Country' };
  const few = `The ${SERIES_MAX} countries with most records, per ${step.name}.`;
  return [
    {
      id: 'temperature_over_time',
      section: 'temperature',
      title: 'Temperature over time',
      note: `Mean, lowest and highest per ${step.name}, in °C. Heat alerts begin at 25 °C (level 1) and above 35 °C (level 2).`,
      columns: { ...head, ...TEMPERATURE_COLUMNS },
      sql: all(TEMPERATURE),
    },
    {
      id: 'temperature_by_country',
      section: 'temperature',
      title: 'Mean temperature by country over time',
      note: few,
      columns: { ...country, temperature_mean: 'Mean °C' },
      sql: series('round(avg(temperature), 2) AS temperature_mean'),
    },
    {
      id: 'wind_over_time',
      section: 'wind',
      title: 'Wind over time',
      note: `Mean and strongest per ${step.name}, in m/s. Wind alerts begin at 10 m/s (level 1) and above 20 m/s (level 2).`,
      columns: { ...head, ...WIND_COLUMNS },
      sql: all(WIND),
    },
    {
      id: 'wind_by_country',
      section: 'wind',
      title: 'Mean wind by country over time',
      note: few,
      columns: { ...country, wind_mean: 'Mean m/s' },
      sql: series('round(avg(windspeed), 2) AS wind_mean'),
    },
  ];
}

function alerts(time: string, step: Step): View[] {
  return [
    {
      id: 'alerts_by_level',
      section: 'alerts',
      title: 'Alerts by level',
      note: 'Records of each level; level 0 is no alert.',
      columns: { kind: 'Alert', level: 'Level', records: 'Records', share: 'Share %' },
      sql: `WITH counted AS (
          SELECT kind, level, count(*) AS records FROM (SELECT 'wind' AS kind, wind_level AS level FROM observations
            UNION ALL SELECT 'heat', heat_level FROM observations) WHERE level IS NOT NULL GROUP BY ALL)
        SELECT kind, level, coalesce(records, 0) AS records,
          round(100 * coalesce(records, 0) / sum(records) OVER (PARTITION BY kind), 2) AS share
        FROM (SELECT unnest(['wind', 'heat']) AS kind) CROSS JOIN (SELECT unnest([0, 1, 2]) AS level)
        LEFT JOIN counted USING (kind, level) ORDER BY kind DESC, level`,
    },
    {
      id: 'alerts_over_time',
      section: 'alerts',
      title: 'Alerts over time',
      note: `Records of level 1 and 2 per ${step.name}.`,
      columns: { time: 'Time (UTC)', ...ALERT_COLUMNS },
      sql: `SELECT ${time} AS time, ${ALERTS} FROM observations WHERE observed IS NOT NULL GROUP BY ALL ORDER BY time`,
    },
    {
      id: 'top_alert_cities',
      section: 'alerts',
      title: 'Cities with most alerts',
      note: `Records of level 1 or 2; the first ${TOP_CITIES} cities.`,
      columns: {
        city: 'City',
        code: 'Country',
        alerts: 'Alerts',
        share: 'Share %',
        ...ALERT_COLUMNS,
      },
      sql: `SELECT city, code, count(*) FILTER (${ANY_ALERT}) AS alerts,
          round(100 * count(*) FILTER (${ANY_ALERT}) / count(*), 2) AS share, ${ALERTS}
        FROM observations GROUP BY code, city HAVING alerts > 0 ORDER BY alerts DESC, code, city LIMIT ${TOP_CITIES}`,
      file: 'top_alert_cities.csv',
    },
  ];
}

function places(): View[] {
  return [
    {
      id: 'map',
      section: 'geographic',
      title: 'Where the records come from',
      note: `Cities with their mean temperature in °C; the larger the circle, the more records. At most ${CITIES_MAX} cities, of those whose place is known.`,
      columns: {
        ...{ city: 'City', code: 'Country', latitude: 'Latitude', longitude: 'Longitude' },
        ...{
          records: 'Records',
          temperature_mean: 'Mean °C',
          wind_mean: 'Mean m/s',
          alerts: 'Alerts',
        },
      },
      sql: `SELECT city, code, round(avg(latitude), 3) AS latitude, round(avg(longitude), 3) AS longitude,
          count(*) AS records, round(avg(temperature), 2) AS temperature_mean, round(avg(windspeed), 2) AS wind_mean,
          count(*) FILTER (${ANY_ALERT}) AS alerts
        FROM observations GROUP BY code, city HAVING count(latitude) > 0 AND count(longitude) > 0
        ORDER BY records DESC, code, city LIMIT ${CITIES_MAX}`,
    },
    {
      id: 'country_statistics',
      section: 'geographic',
      title: 'Countries',
      note: 'Mean temperature with the range from lowest to highest, in °C.',
      columns: { code: 'Code', country: 'Country', cities: 'Cities', ...MEASURE_COLUMNS },
      sql: `SELECT code, mode(country) AS country, count(DISTINCT city) AS cities, ${MEASURES}
        FROM observations GROUP BY code ORDER BY records DESC, code`,
      file: 'country_statistics.csv',
    },
    {
      id: 'weather_codes',
      section: 'geographic',
      title: 'Most frequent weather by country',
      note: 'The WMO weather code that a country reports most often, and its share of the records with a code.',
      columns: {
        code: 'Country',
        weather_code: 'WMO code',
        meaning: 'Weather',
        records: 'Records',
        share: 'Share %',
      },
      sql: `WITH counted AS (SELECT code, weather_code, count(*) AS records FROM observations
          WHERE weather_code IS NOT NULL GROUP BY ALL)
        SELECT code, weather_code, coalesce(meaning, 'code ' || weather_code) AS meaning, records,
          round(100 * records / total, 2) AS share
        FROM (SELECT *, sum(records) OVER (PARTITION BY code) AS total,
          row_number() OVER (PARTITION BY code ORDER BY records DESC, weather_code) AS rank FROM counted)
        LEFT JOIN meanings USING (weather_code) WHERE rank = 1 ORDER BY records DESC, code`,
    },
  ];
}

function patterns(): View[] {
  const clock = 'By the clock of the place where its time zone is known, else UTC.';
  return [
    {
      id: 'temporal_patterns',
      section: 'temporal',
      title: 'Hours, days of the week and months',
      note: clock,
      columns: { pattern: 'Pattern', value: 'Value', ...MEASURE_COLUMNS },
      sql: `WITH parts AS (SELECT *, unnest([
            {'pattern': 'hour', 'value': hour(local)}, {'pattern': 'weekday', 'value': isodow(local)},
            {'pattern': 'month', 'value': month(local)}]) AS part FROM observations WHERE local IS NOT NULL)
        SELECT part.pattern AS pattern, part.value AS value, ${MEASURES} FROM parts
        GROUP BY ALL ORDER BY pattern, value`,
      file: 'temporal_patterns.csv',
    },
    {
      id: 'week',
      section: 'temporal',
      title: 'Temperature by day of the week and hour',
      note: `Mean in °C; day 1 is Monday. ${clock}`,
      columns: { weekday: 'Day', hour: 'Hour', records: 'Records', temperature_mean: 'Mean °C' },
      sql: `SELECT isodow(local) AS weekday, hour(local) AS hour, count(*) AS records,
          round(avg(temperature), 2) AS temperature_mean
        FROM observations WHERE local IS NOT NULL GROUP BY ALL ORDER BY weekday, hour`,
    },
  ];
}

/** A file of the export only: too long for the page. */
export const DAILY = {
  file: 'daily_aggregated_data.csv',
  sql: `SELECT observed::DATE AS date, code, ${MEASURES} FROM observations WHERE observed IS NOT NULL GROUP BY ALL ORDER BY date, code`,
} as const;
