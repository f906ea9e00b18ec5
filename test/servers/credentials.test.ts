// No secret of any source, of Kafka or of Hive shows where others may look: logs, errors, `config print`, the process list,
// what a crash leaves. (What is in a process's environment its owner can read in /proc; that is why there is `..._FILE`.)
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { configSchema } from '../../params/schema.ts';
import { MastodonDouble } from '../doubles/mastodon.ts';
import { OpenMeteoDouble } from '../doubles/open-meteo.ts';
import { Timeline } from '../doubles/timeline.ts';
import { XApiDouble } from '../doubles/x-api.ts';
import { eventually } from '../support/eventually.ts';
import { ProducerProcess } from '../support/producer-process.ts';
import { stateDirectory } from '../support/settings.ts';
import { stackEndpoints, uniqueName } from '../support/stack.ts';

const CLI = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const CANARIES = {
  x: 'canary-x-1f0e',
  mastodon: 'canary-mastodon-2e1d',
  kafka: 'canary-kafka-3d2c',
  hive: 'canary-hive-4c3b',
  openMeteo: 'canary-open-meteo-5b4a',
};
const hive = { auth: 'password', username: 'ann', password: CANARIES.hive, port: 1 };
const sasl = { mechanism: 'scram-sha-512', username: 'ann', password: CANARIES.kafka };

/** Base64, as Basic and PLAIN send them, shows them as well as plain text does. */
function assertNoSecret(where: string, text: string): void {
  assert.ok(text.length > 0, `${where} is empty`);
  for (const canary of Object.values(CANARIES)) {
    for (const shape of [canary, Buffer.from(canary).toString('base64').replace(/=+$/, '')]) {
      assert.ok(!text.includes(shape), `${where} shows a secret: ${around(text, shape)}`);
    }
  }
}

function around(text: string, shape: string): string {
  const at = text.indexOf(shape);
  return text.slice(Math.max(0, at - 200), at + 40);
}

/** A working directory with the settings of a producer. */
function directoryFor(config: object, params: object): string {
  const directory = stateDirectory();
  writeFileSync(join(directory, 'config.json'), JSON.stringify(config), { mode: 0o600 });
  writeFileSync(join(directory, 'params.json'), JSON.stringify(params));
  return directory;
}

const FILES = ['--params', 'params.json', '--config', 'config.json', '--log-level', 'debug'];
const COMMAND = ['--import', import.meta.resolve('tsx'), CLI];

function run(directory: string, args: readonly string[]) {
  return spawnSync(process.execPath, [...COMMAND, ...args, ...FILES], {
    cwd: directory,
    encoding: 'utf8',
    timeout: 120_000,
  });
}

/** Like `run`, while this process goes on answering. */
function told(directory: string, args: readonly string[]) {
  return new Promise<{ code: number | null; said: string }>((resolve) => {
    const options = { cwd: directory, timeout: 120_000 };
    const child = execFile(
      process.execPath,
      [...COMMAND, ...args, ...FILES],
      options,
      (_, out, err) => resolve({ code: child.exitCode, said: `${out}${err}` }),
    );
  });
}

test('every setting that is a secret has a canary here', () => {
  const config = configSchema.parse({
    hive,
    kafka: { sasl },
    x: { bearerToken: CANARIES.x },
    mastodon: { servers: [{ url: 'http://127.0.0.1:1', token: CANARIES.mastodon }] },
    openMeteo: { apiKey: CANARIES.openMeteo },
  });
  const shown = JSON.stringify(config).match(/\[secret\]/g) ?? [];
  assert.equal(shown.length, Object.keys(CANARIES).length);
  const schema = readFileSync(join(import.meta.dirname, '../../params/config-schema.ts'), 'utf8');
  // One of them is the definition itself; every other one is a setting.
  assert.equal(schema.match(/: secret\b/g)?.length, Object.keys(CANARIES).length);
});

suite('secrets stay secret', { concurrency: 2 }, () => {
  test('in config print, in config check, and in the error of a Kafka that is away', () => {
    const directory = directoryFor(
      {
        hive,
        kafka: { brokers: ['127.0.0.1:1'], sasl },
        x: { bearerToken: CANARIES.x, apiUrl: 'http://127.0.0.1:1' },
        mastodon: { servers: [{ url: 'http://127.0.0.1:1', token: CANARIES.mastodon }] },
        openMeteo: { apiKey: CANARIES.openMeteo },
      },
      { hashtag: 'kafka', limits: { startMs: 1000, retryMs: 1000 } },
    );
    for (const args of [
      ['config', 'print', '--json'],
      ['config', 'print'],
      ['config', 'check'],
      ['producer', '--source', 'mastodon'],
      ['verify'],
    ]) {
      const { stdout, stderr } = run(directory, args);
      assertNoSecret(args.join(' '), `${stdout}${stderr}`);
      if (args[1] === 'print') assert.ok(stdout.includes('[secret]'), stdout);
    }
  });

  test('of Open-Meteo, whose key stands in every address: while it runs, and when it is refused', async () => {
    const double = new OpenMeteoDouble();
    const url = await double.listen();
    const directory = directoryFor(
      {
        kafka: { brokers: stackEndpoints().kafka.brokers },
        openMeteo: { geocodingUrl: url, forecastUrl: url, apiKey: CANARIES.openMeteo },
      },
      {},
    );
    const topic = ['--topic', uniqueName('t')];
    try {
      for (const fault of [undefined, 'unauthorized', 'bad-request']) {
        if (fault !== undefined) double.misbehave(fault);
        const { code, said } = await told(directory, ['geo-weather', 'Paris', 'France', ...topic]);
        assert.equal(code, fault === undefined ? 0 : 4, said);
        assertNoSecret(`geo-weather, ${fault ?? 'well answered'}`, said);
      }
      const keys = double.requests.map(({ searchParams }) => searchParams.get('apikey'));
      assert.ok(keys.length > 2 && keys.every((key) => key === CANARIES.openMeteo), keys.join());
    } finally {
      await double.close();
    }
  });

  for (const source of ['mastodon', 'x'] as const) {
    test(`of ${source}: while it runs, when it is refused, and in a crash report`, async () => {
      const timeline = new Timeline({ rate: 50 });
      const token = CANARIES[source];
      const double =
        source === 'x'
          ? new XApiDouble({ timeline, token })
          : new MastodonDouble({ timeline, token });
      const url = await double.listen();
      const directory = directoryFor(
        {
          kafka: { brokers: stackEndpoints().kafka.brokers },
          ...(source === 'x'
            ? { x: { apiUrl: url, bearerToken: token } }
            : { mastodon: { servers: [{ url, token }] } }),
        },
        { topic: uniqueName('t'), hashtag: 'kafka', producer: { source } },
      );
      const report = '--report-on-signal --report-uncaught-exception --report-on-fatalerror';
      const env = { NODE_OPTIONS: `${report} --report-directory=${directory}` };
      const args = ['--log-level', 'debug'];
      const producer = new ProducerProcess({ directory, args, env });
      try {
        const hasCursor = () => readFileSync(join(directory, 'state/cursors.json'), 'utf8');
        await eventually(() => assert.match(hasCursor(), /"cursor": \S/), 120_000);
        assertNoSecret('the process list', readFileSync(`/proc/${producer.pid}/cmdline`, 'utf8'));
        producer.signal('SIGUSR2');
        const reports = () => readdirSync(directory).filter((name) => name.startsWith('report.'));
        const written = await eventually(() => {
          const text = readFileSync(join(directory, reports()[0] ?? ''), 'utf8');
          JSON.parse(text);
          return text;
        });
        assertNoSecret('a diagnostic report of Node', written);
        double.misbehave('unauthorized');
        double.misbehave('drop');
        assert.equal(await producer.ended(), 4, producer.told);
        assert.match(producer.told, /SOURCE_REJECTED/);
        assertNoSecret('the log', producer.told);
        assertNoSecret('the cursor file', hasCursor());
      } finally {
        producer.signal('SIGKILL');
        await double.close();
      }
    });
  }
});
