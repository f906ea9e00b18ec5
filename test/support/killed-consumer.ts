// Child process of the crash suite: consumer-from-position that sends itself a signal (SIGKILL, SIGSTOP) right after a named
// step. Arguments: a file of settings as JSON; the step, or "none"; the signal; "until-end" or "until-told" (SIGTERM).
import { readFileSync } from 'node:fs';
import { runConsumerFromPosition } from '../../consumer/consumer-from-position.ts';
import { configSchema, paramsSchema } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { stopOnSignals } from '../../pipeline/lifecycle.ts';
import { createLog } from '../../pipeline/log.ts';
import { tellSteps } from './delivery-steps.ts';

const [file = '', step = 'none', deadly = 'SIGKILL', until = 'until-end'] = process.argv.slice(2);
const raw = JSON.parse(readFileSync(file, 'utf8'));
const settings = { params: paramsSchema.parse(raw.params), config: configSchema.parse(raw.config) };
const log = createLog({ level: 'info', format: 'json' });
const { signal } = stopOnSignals((message) => log.info(message));
const deps = { log, clock: systemClock, signal, out: () => {} };
let isHit = false;
await runConsumerFromPosition(settings, deps, {
  untilEnd: until === 'until-end',
  rewire: (delivery) =>
    tellSteps(delivery, (passed) => {
      if (passed !== step || isHit) return;
      isHit = true;
      process.kill(process.pid, deadly);
    }),
});
process.exit(0);
