// Child process of the crash suite: consumer-from-position that kills itself with SIGKILL right after a named step.
// Arguments: a file of settings as JSON; the step (or "none"); how often the step may pass before.
import { readFileSync } from 'node:fs';
import { runConsumerFromPosition } from '../../consumer/consumer-from-position.ts';
import { configSchema, paramsSchema } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { createLog } from '../../pipeline/log.ts';

const [file = '', step = 'none', passes = '0'] = process.argv.slice(2);
const raw = JSON.parse(readFileSync(file, 'utf8'));
const settings = { params: paramsSchema.parse(raw.params), config: configSchema.parse(raw.config) };
let left = Number(passes);
const deps = {
  log: createLog({ level: 'info', format: 'json' }),
  clock: systemClock,
  signal: new AbortController().signal,
  out: () => {},
};
await runConsumerFromPosition(settings, deps, {
  untilEnd: true,
  onStep(passed) {
    if (passed !== step) return;
    if (left === 0) process.kill(process.pid, 'SIGKILL');
    left -= 1;
  },
});
