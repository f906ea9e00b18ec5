// Starts a double by hand, so that the whole pipeline moves without a network: `npm run double -- bluesky`.
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { JetstreamDouble } from './bluesky.ts';
import type { Double } from './loopback.ts';
import { MastodonDouble } from './mastodon.ts';
import { OpenMeteoDouble } from './open-meteo.ts';
import { Timeline } from './timeline.ts';
import { XApiDouble } from './x-api.ts';

const USAGE = `usage: npm run double -- bluesky|mastodon|x|open-meteo [options]
  --port <n>        port on 127.0.0.1 (default: a free one)
  --posts <n>       how many posts there are (default: no end)
  --rate <n>        posts a second, from the first reader on (default: 5)
  --hashtag <tag>   the hashtag of every post (default: kafka)
  --interval <s>    open-meteo: seconds until the weather is another (default: 900, as there)
  --misbehave <n>   mix all faults, by this seed; the same seed gives the same mix
While it runs, type the name of a fault and Enter; Ctrl-C ends it.`;
const TOKEN = 'token-of-the-double';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    port: { type: 'string', default: '0' },
    posts: { type: 'string' },
    rate: { type: 'string', default: '5' },
    hashtag: { type: 'string', default: 'kafka' },
    interval: { type: 'string', default: '900' },
    misbehave: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const whole = (text: string | undefined) =>
  text === undefined ? undefined : Number.parseInt(text, 10);
const misbehave = whole(values.misbehave);
const rate = Number(values.rate);
const hashtag = values.hashtag.replace(/^#/, '').toLowerCase();
const count = whole(values.posts);

interface Service {
  readonly double: Double;
  /** What to write into config.json, for the double at `url`. */
  readonly config: (url: string) => object;
  readonly gives: string;
  /** The command that reads it. */
  readonly command: string;
}

function service(name: string | undefined): Service | undefined {
  if (name === 'open-meteo') {
    const intervalSeconds = Math.max(1, whole(values.interval) ?? 0);
    const double = new OpenMeteoDouble({ intervalSeconds, misbehave });
    const config = (url: string) => ({ openMeteo: { geocodingUrl: url, forecastUrl: url } });
    const gives = `other weather every ${intervalSeconds} seconds`;
    return { double, config, gives, command: 'geo-weather -- Paris France --continuous' };
  }
  const timeline = new Timeline({ count, rate, hashtag });
  const gives = `${rate} posts a second with #${hashtag}`;
  const posts = { gives, command: `producer -- '#${hashtag}' --source ${name}` };
  if (name === 'bluesky') {
    const double = new JetstreamDouble({ timeline, misbehave });
    return { ...posts, double, config: (url) => ({ bluesky: { hosts: [url] } }) };
  }
  if (name === 'mastodon') {
    const double = new MastodonDouble({ timeline, token: TOKEN, misbehave });
    const servers = (url: string) => [{ url, token: TOKEN }];
    return { ...posts, double, config: (url) => ({ mastodon: { servers: servers(url) } }) };
  }
  if (name !== 'x') return undefined;
  const double = new XApiDouble({ token: TOKEN, timeline, misbehave });
  return { ...posts, double, config: (url) => ({ x: { apiUrl: url, bearerToken: TOKEN } }) };
}

const [name] = positionals;
const chosen = values.help || positionals.length !== 1 ? undefined : service(name);
if (!chosen || !(rate > 0)) {
  process.stderr.write(`${USAGE}\n`);
  process.exit(values.help ? 0 : 2);
}
const { double, config, gives, command } = chosen;
const url = await double.listen(whole(values.port));
const lines = JSON.stringify(config(url), undefined, 2).split('\n').slice(1, -1).join('\n');
process.stdout.write(`${name} stands at ${url}: ${gives}.

In params/config.json:
${lines}

Then: npm run ${command}

Faults to type: ${double.faultNames.join(', ')}
`);
createInterface({ input: process.stdin }).on('line', (line) => {
  if (line.trim() === '') return;
  try {
    double.misbehave(line.trim());
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  }
});
