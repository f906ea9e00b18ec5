// The report as one HTML page: a head with the figures that matter, per view a chart and its table, and everything they need.
import { readFileSync } from 'node:fs';
import type { ResultRow, Value } from '../clients/duckdb/analysis.ts';
import { chartLibraries, land } from './libraries.ts';
import { TEMPERATURE_RANGE, WIND_RANGE } from './observations.ts';
import { SECTIONS, type View } from './views.ts';

export interface Result {
  readonly view: View;
  readonly rows: readonly ResultRow[];
}

export interface PageData {
  /** What was asked: the path or table as it was named, and the country if one was. */
  readonly input: string;
  readonly country: string | undefined;
  readonly madeAt: string;
  readonly overview: ResultRow;
  readonly results: readonly Result[];
}

const SECTION_TITLES: Readonly<Record<(typeof SECTIONS)[number], string>> = {
  temperature: 'Temperature',
  wind: 'Wind',
  alerts: 'Alerts',
  geographic: 'Geography',
  temporal: 'Days and hours',
};

const ATTRIBUTION = `Records of geo-weather hold <a href="https://open-meteo.com/">weather data by Open-Meteo.com</a>,
  <a href="https://creativecommons.org/licenses/by/4.0/">CC BY 4.0</a>. Coast lines: Natural Earth.
  Charts: <a href="https://observablehq.com/plot/">Observable Plot</a>.`;

/** Needs neither network nor server; without JavaScript the tables remain. */
export function page(data: PageData): string {
  const title = data.country ? `Weather report: ${data.country}` : 'Weather report';
  const sections = SECTIONS.flatMap((section) => {
    const results = data.results.filter(({ view }) => view.section === section);
    if (results.length === 0) return [];
    const figures = results.map(figure).join('\n');
    return `<section id="${section}"><h2>${SECTION_TITLES[section]}</h2>\n${figures}\n</section>`;
  });
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}</title>
<style>
${asset('page.css')}
</style>
</head>
<body>
<header>
<h1>${escaped(title)}</h1>
<p>${escaped(data.input)} · made ${time(data.madeAt)} UTC</p>
${tiles(data.overview)}
<p>${escaped(leftOut(data.overview))}</p>
</header>
<main>
${sections.join('\n')}
</main>
<footer><p>${ATTRIBUTION}</p></footer>
<script type="application/json" id="data">${inScript(JSON.stringify(chartData(data.results)))}</script>
<script type="application/json" id="land">${data.results.some(({ view }) => view.id === 'map') ? land() : 'null'}</script>
<script>
${chartLibraries()}
</script>
<script type="module">
${asset('charts.js')}
</script>
</body>
</html>
`;
}

function figure({ view, rows }: Result): string {
  const id = `title-${view.id}`;
  return `<figure aria-labelledby="${id}">
<figcaption><h3 id="${id}">${escaped(view.title)}</h3><p>${escaped(view.note)}</p></figcaption>
${rows.length === 0 ? '<p class="none">No record says anything of this.</p>' : `<div class="chart" data-view="${view.id}" role="img" aria-labelledby="${id}"></div>\n${table(view, rows)}`}
</figure>`;
}

function table({ title, columns }: View, rows: readonly ResultRow[]): string {
  const names = Object.keys(columns);
  const head = names.map((name) => `<th scope="col">${escaped(columns[name] ?? '')}</th>`).join('');
  const body = rows.map(
    (row) => `<tr>${names.map((name) => cell(row[name] ?? null)).join('')}</tr>`,
  );
  return `<details><summary>Table: ${rows.length} ${rows.length === 1 ? 'row' : 'rows'}</summary>
<div class="scroll" role="region" aria-label="${escaped(title)}" tabindex="0"><table>
<caption>${escaped(title)}</caption>
<thead><tr>${head}</tr></thead>
<tbody>
${body.join('\n')}
</tbody></table></div></details>`;
}

function cell(value: Value): string {
  if (typeof value === 'number') return `<td class="number">${value}</td>`;
  const text = String(value ?? '–');
  return `<td>${/^\d{4}-\d\d-\d\dT.*Z$/.test(text) ? time(text) : escaped(text)}</td>`;
}

function tiles(overview: ResultRow): string {
  const of = (name: string) => overview[name] ?? '–';
  const count = (name: string) => Number(overview[name]).toLocaleString('en');
  const period = overview['first']
    ? `${time(String(overview['first']))} to ${time(String(overview['last']))}`
    : 'unknown';
  const all: readonly [string, string][] = [
    ['Records', count('records')],
    ['Places', `${count('cities')} in ${count('countries')} countries`],
    ['Period (UTC)', period],
    [
      'Temperature',
      `${of('temperature_mean')} °C on average, ${of('temperature_min')} to ${of('temperature_max')} °C`,
    ],
    ['Wind', `${of('wind_mean')} m/s on average, up to ${of('wind_max')} m/s`],
    ['Records with an alert', count('alerts')],
  ];
  const items = all.map(([term, text]) => `<div><dt>${term}</dt><dd>${escaped(text)}</dd></div>`);
  return `<dl class="tiles">${items.join('\n')}</dl>`;
}

/** One sentence: what of the input is in no chart. */
export function leftOut(overview: ResultRow): string {
  const [coldest, hottest] = TEMPERATURE_RANGE;
  const [calmest, strongest] = WIND_RANGE;
  const kinds: readonly [string, Value | undefined][] = [
    ['lines that are no JSON object', overview['unreadable_lines']],
    [`temperatures outside ${coldest} to ${hottest} °C`, overview['temperatures_left_out']],
    [`wind speeds outside ${calmest} to ${strongest} m/s`, overview['winds_left_out']],
    ['records without a usable time, from what goes by time', overview['without_time']],
  ];
  const some = kinds.flatMap(([what, count]) =>
    Number(count) > 0 ? `${what} (${Number(count).toLocaleString('en')})` : [],
  );
  return some.length === 0 ? 'Nothing was left out.' : `Left out: ${some.join('; ')}.`;
}

function chartData(results: readonly Result[]): Record<string, readonly ResultRow[]> {
  return Object.fromEntries(results.map(({ view, rows }) => [view.id, rows]));
}

function asset(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8').trim();
}

/** JSON within a script element: nothing in it may look like the end of the element. */
function inScript(json: string): string {
  return json.replaceAll('<', '\\u003c');
}

const time = (iso: string): string => iso.slice(0, 16).replace('T', ' ');

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

function escaped(value: Value): string {
  return String(value).replace(/[&<>"]/g, (character) => ENTITIES[character] ?? character);
}
