// Child process of the crash suite: consumer-from-position that kills itself with SIGKILL right after a named step.
// Arguments: a file of settings as JSON; the step, or "none".
import { readFileSync } from 'node:fs';
import { runConsumerFromPosition } from '../../consumer/consumer-from-position.ts';
import { configSchema, paramsSchema } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { createLog } from '../../pipeline/log.ts';
import { tellSteps } from './delivery-steps.ts';

const [file = '', step = 'none'] = process.argv.slice(2);
const raw = JSON.parse(readFileSync(file, 'utf8'));
const settings = { params: paramsSchema.parse(raw.params), config: configSchema.parse(raw.config) };
const deps = {
  log: createLog({ level: 'info', format: 'json' }),
  clock: systemClock,
  signal: new AbortController().signal,
  out: () => {},
};
await runConsumerFromPosition(settings, deps, {
  untilEnd: true,
  rewire: (delivery) =>
    tellSteps(delivery, (passed) => {
      if (passed === step) process.kill(process.pid, 'SIGKILL');
    }),
});
