// Draws the charts of the report in the reader's browser with Observable Plot, again whenever the width changes. The page
// carries the rows of each view; the tables beside the charts say the same.
const { Plot } = globalThis;
const parse = (id) => JSON.parse(document.getElementById(id).textContent);
const land = parse('land');
const data = parse('data');
for (const rows of Object.values(data))
  for (const row of rows) if ('time' in row) row.time = new Date(row.time);

const SERIES = [1, 2, 3, 4, 5].map((number) => `var(--series-${number})`);
const [BLUE, ORANGE] = SERIES;
const LEVELS = ['var(--line)', SERIES[4], SERIES[1]];
const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const base = (width) => ({ width, marginBottom: 40, style: { background: 'transparent' } });
// Below the numbers of the axis, not beside the last of them.
const below = { labelOffset: 36 };
const ROW_HEIGHT = 24;

/** A line of means; lone points are seen too. */
const line = (rows, x, y, options) => [
  Plot.lineY(rows, { x, y, strokeWidth: 2, ...options }),
  rows.length < 3 ? Plot.dot(rows, { x, y, fill: options.stroke }) : null,
];

function overTime(rows, width, { label, low, mean, high, color, thresholds }) {
  return Plot.plot({
    ...base(width),
    height: 300,
    x: { type: 'utc', label: null },
    y: { label, grid: true, nice: true },
    marks: [
      Plot.areaY(rows, {
        x: 'time',
        y1: low ?? (() => 0),
        y2: high,
        fill: color,
        fillOpacity: 0.2,
      }),
      // A threshold that no value comes near would only flatten the curve.
      Plot.ruleY(
        thresholds.filter((at) => rows.some((row) => row[high] >= at)),
        {
          stroke: 'var(--quiet)',
          strokeDasharray: '4 4',
        },
      ),
      line(rows, 'time', mean, { stroke: color }),
      Plot.tip(rows, Plot.pointerX({ x: 'time', y: mean, channels: { highest: high } })),
    ],
  });
}

const byCountry = (rows, width, y, label) =>
  Plot.plot({
    ...base(width),
    height: 300,
    x: { type: 'utc', label: null },
    y: { label, grid: true, nice: true },
    color: { legend: true, range: SERIES },
    marks: [
      line(rows, 'time', y, { stroke: 'code' }),
      Plot.tip(rows, Plot.pointer({ x: 'time', y, stroke: 'code' })),
    ],
  });

/** Rows of one kind of alert and level, for stacking. */
const stacked = (rows) =>
  rows.flatMap(({ time, ...row }) =>
    ['wind', 'heat'].flatMap((kind) =>
      [1, 2].map((level) => ({ time, kind, level, records: row[`${kind}_level_${level}`] })),
    ),
  );

/** Bars from left to right, one a row, with its label at the end. */
const bars = (rows, width, { x, y, label, text, color, marks = [] }) =>
  Plot.plot({
    ...base(width),
    height: rows.length * ROW_HEIGHT + 50,
    marginLeft: 150,
    marginRight: 170,
    x: { label, grid: true, ...below },
    y: { label: null, domain: rows.map(y), tickFormat: (name) => shorten(name) },
    marks: [
      Plot.barX(rows, { x, y, fill: color }),
      ...marks,
      Plot.text(rows, { x, y, text, textAnchor: 'start', dx: 6 }),
    ],
  });

const shorten = (name) => (name.length > 22 ? `${name.slice(0, 21)}…` : name);
const place = ({ city, code }) => `${city}, ${code}`;
const TOP = 40;

function map(rows, width) {
  const span = (key) => [
    Math.min(...rows.map((row) => row[key])),
    Math.max(...rows.map((row) => row[key])),
  ];
  const [west, east] = span('longitude');
  const [south, north] = span('latitude');
  const isWorld = east - west > 120;
  const corners = [
    [Math.max(west - 4, -180), Math.max(south - 4, -80)],
    [Math.min(east + 4, 180), Math.min(north + 4, 80)],
  ];
  return Plot.plot({
    ...base(width),
    marginBottom: 4,
    height: isWorld ? width * 0.5 : Math.min(width * 0.7, 600),
    projection: isWorld
      ? 'equal-earth'
      : { type: 'mercator', domain: { type: 'MultiPoint', coordinates: corners } },
    color: { scheme: 'Plasma', legend: true, label: 'Mean °C' },
    r: { range: [3, 16] },
    marks: [
      Plot.geo(land, { fill: 'var(--land)', clip: 'frame' }),
      Plot.frame({ stroke: 'var(--line)' }),
      Plot.dot(rows, {
        x: 'longitude',
        y: 'latitude',
        r: 'records',
        fill: 'temperature_mean',
        stroke: 'var(--text)',
        strokeWidth: 0.7,
        tip: true,
        channels: { city: place, wind: 'wind_mean', alerts: 'alerts' },
      }),
    ],
  });
}

const countries = (all, width) => {
  const rows = all.filter((row) => row.temperature_mean !== null).slice(0, TOP);
  const y = ({ country, code }) => (country ? `${country} (${code})` : code);
  const range = { x1: 'temperature_min', x2: 'temperature_max', y };
  return Plot.plot({
    ...base(width),
    height: rows.length * ROW_HEIGHT + 50,
    marginLeft: 150,
    x: { label: '°C', grid: true, nice: true, ...below },
    y: { label: null, domain: rows.map(y), tickFormat: shorten },
    marks: [
      Plot.ruleY(rows, { ...range, stroke: ORANGE, strokeOpacity: 0.5, strokeWidth: 4 }),
      Plot.dot(rows, { x: 'temperature_mean', y, fill: ORANGE, r: 5, tip: true }),
    ],
  });
};

function patterns(rows, width) {
  const of = (pattern) => rows.filter((row) => row.pattern === pattern);
  const half = width < 700 ? width : (width - 16) / 2;
  const plot = (some, y, label, stroke, x) =>
    Plot.plot({
      ...base(half),
      height: 240,
      x,
      y: { label, grid: true, nice: true, zero: y === 'wind_mean' },
      marks: [line(some, 'value', y, { stroke }), Plot.tip(some, Plot.pointerX({ x: 'value', y }))],
    });
  const hour = { label: 'Hour of the day', domain: [0, 23], tickFormat: 'd', ...below };
  const month = {
    ...below,
    label: 'Month',
    domain: [1, 12],
    tickFormat: (at) => MONTHS[at - 1] ?? '',
  };
  const months = of('month').length > 1;
  return [
    plot(of('hour'), 'temperature_mean', 'Mean °C', ORANGE, hour),
    plot(of('hour'), 'wind_mean', 'Mean m/s', BLUE, hour),
    ...(months ? [plot(of('month'), 'temperature_mean', 'Mean °C', ORANGE, month)] : []),
    ...(months ? [plot(of('month'), 'wind_mean', 'Mean m/s', BLUE, month)] : []),
  ];
}

const CHARTS = {
  temperature_over_time: (rows, width) =>
    overTime(rows, width, {
      label: '°C',
      low: 'temperature_min',
      mean: 'temperature_mean',
      high: 'temperature_max',
      color: ORANGE,
      thresholds: [25, 35],
    }),
  wind_over_time: (rows, width) =>
    overTime(rows, width, {
      label: 'm/s',
      mean: 'wind_mean',
      high: 'wind_max',
      color: BLUE,
      thresholds: [10, 20],
    }),
  temperature_by_country: (rows, width) => byCountry(rows, width, 'temperature_mean', 'Mean °C'),
  wind_by_country: (rows, width) => byCountry(rows, width, 'wind_mean', 'Mean m/s'),
  alerts_by_level: (rows, width) =>
    Plot.plot({
      ...base(Math.min(width, 700)),
      height: 260,
      marginLeft: 60,
      x: { label: 'Level', ...below },
      y: { label: 'Records', grid: true },
      fx: { label: null, domain: ['wind', 'heat'] },
      color: { type: 'ordinal', domain: [0, 1, 2], range: LEVELS },
      marks: [
        Plot.barY(rows, { x: 'level', y: 'records', fx: 'kind', fill: 'level' }),
        Plot.text(rows, {
          x: 'level',
          y: 'records',
          fx: 'kind',
          text: (row) => `${row.share} %`,
          dy: -8,
        }),
      ],
    }),
  alerts_over_time: (rows, width) =>
    Plot.plot({
      ...base(width),
      height: 300,
      marginLeft: 60,
      x: { type: 'utc', label: null },
      y: { label: 'Records', grid: true },
      fy: { label: null, domain: ['wind', 'heat'] },
      color: {
        type: 'ordinal',
        domain: [1, 2],
        range: LEVELS.slice(1),
        legend: true,
        label: 'Level',
      },
      marks: [
        Plot.areaY(stacked(rows), {
          x: 'time',
          y: 'records',
          fy: 'kind',
          fill: 'level',
          curve: 'step',
        }),
        Plot.ruleY([0]),
      ],
    }),
  top_alert_cities: (rows, width) =>
    bars(rows, width, {
      x: 'alerts',
      y: place,
      label: 'Records with an alert',
      text: (row) => `${row.alerts} (${row.share} %)`,
      color: SERIES[4],
    }),
  map,
  country_statistics: countries,
  weather_codes: (rows, width) =>
    bars(rows.slice(0, TOP), width, {
      x: 'share',
      y: (row) => row.code,
      label: 'Share of its records in %',
      text: (row) => `${row.meaning} (${row.weather_code})`,
      color: BLUE,
    }),
  temporal_patterns: patterns,
  week: (rows, width) =>
    Plot.plot({
      ...base(width),
      height: 260,
      padding: 0.04,
      x: {
        type: 'band',
        ...below,
        label: 'Hour of the day',
        domain: Array.from({ length: 24 }, (_, at) => at),
      },
      y: {
        type: 'band',
        label: null,
        domain: [1, 2, 3, 4, 5, 6, 7],
        tickFormat: (at) => DAYS[at - 1],
      },
      color: { scheme: 'Plasma', legend: true, label: 'Mean °C' },
      marks: [Plot.cell(rows, { x: 'hour', y: 'weekday', fill: 'temperature_mean', tip: true })],
    }),
};

for (const container of document.querySelectorAll('.chart')) {
  let drawnWidth = 0;
  const draw = () => {
    const { clientWidth, dataset } = container;
    if (clientWidth === drawnWidth) return;
    drawnWidth = clientWidth;
    container.replaceChildren(...[CHARTS[dataset.view](data[dataset.view], clientWidth)].flat());
  };
  draw();
  new ResizeObserver(() => requestAnimationFrame(draw)).observe(container);
}
