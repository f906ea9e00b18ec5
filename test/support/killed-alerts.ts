// Child process of the crash suite: weather-alerts that sends itself a signal right after a named step of a transaction.
// Arguments: a file of settings as JSON; `step:n:signal` (the n-th time that step has passed), or "none".
import { readFileSync } from 'node:fs';
import { runWeatherAlerts } from '../../consumer/weather-alerts.ts';
import { configSchema, paramsSchema } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { stopOnSignals } from '../../pipeline/lifecycle.ts';
import { createLog } from '../../pipeline/log.ts';

const [file = '', plan = 'none'] = process.argv.slice(2);
const [step, count = '1', deadly = 'SIGKILL'] = plan.split(':');
const raw = JSON.parse(readFileSync(file, 'utf8'));
const settings = { params: paramsSchema.parse(raw.params), config: configSchema.parse(raw.config) };
const log = createLog({ level: 'info', format: 'json' });
const { signal } = stopOnSignals((message) => log.info(message));
let left = Number(count);
await runWeatherAlerts(settings, { log, clock: systemClock, signal, out: () => {} }, (passed) => {
  if (passed !== step) return;
  left -= 1;
  if (left === 0) process.kill(process.pid, deadly);
});
process.exit(0);
