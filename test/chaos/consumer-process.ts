// Child process of the chaos run: consumer-from-position or the hdfs-consumer that does to itself, right after a named step, what its parent
// asks for. Arguments: a file with settings as JSON; the fault planted into it, or "none"; "until-end" to end at the end.
import { readFileSync } from 'node:fs';
import { runConsumerFromPosition } from '../../consumer/consumer-from-position.ts';
import { runHdfsConsumer } from '../../consumer/hdfs-consumer.ts';
import { configSchema, paramsSchema } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { describe, PipelineError, Stopping } from '../../pipeline/errors.ts';
import { stopOnSignals } from '../../pipeline/lifecycle.ts';
import { createLog } from '../../pipeline/log.ts';
import { type DeliveryStep, tellSteps } from '../support/delivery-steps.ts';
import { plant } from './plants.ts';
import { PLANTS } from './schedule.ts';

/** From the parent: the next delivery that passes `step` ends in `signal`. */
export interface Aim {
  readonly step: DeliveryStep;
  readonly signal: 'SIGKILL' | 'SIGSTOP';
}

/** To the parent. */
export interface ConsumerNews {
  /** A step that was passed. */
  readonly passed: 'placed' | 'aimed';
}

const [file = '', planted = 'none', until = ''] = process.argv.slice(2);
const raw = JSON.parse(readFileSync(file, 'utf8'));
const settings = { params: paramsSchema.parse(raw.params), config: configSchema.parse(raw.config) };
const fault = PLANTS.find((name) => name === planted);
const log = createLog({ level: 'debug', format: 'json' });

let aim: Aim | undefined;
const tell = (news: ConsumerNews) => process.send?.(news);
process.on('message', (next: Aim) => {
  aim = next;
});
// Nobody is left who would stop this process.
process.on('disconnect', () => process.exit(1));

function fatal(error: unknown): never {
  if (error instanceof Stopping) process.exit(0);
  const code = error instanceof PipelineError ? error.code : 'BUG';
  log.error('ended by an error', {
    code,
    why: describe(error),
    stack: error instanceof Error ? error.stack : undefined,
  });
  process.exit(error instanceof PipelineError ? error.exit : 70);
}
process.on('uncaughtException', fatal);
process.on('unhandledRejection', fatal);

const { signal } = stopOnSignals((message) => log.info(message));
const run = settings.params.hdfsConsumer.topics ? runHdfsConsumer : runConsumerFromPosition;
await run(
  settings,
  { log, clock: systemClock, signal, out: () => {} },
  {
    untilEnd: until === 'until-end',
    rewire(delivery) {
      const told = tellSteps(delivery, (step) => {
        if (step === 'placed') tell({ passed: 'placed' });
        if (aim?.step !== step) return;
        const { signal: deadly } = aim;
        aim = undefined;
        tell({ passed: 'aimed' });
        process.kill(process.pid, deadly);
      });
      return fault ? plant(fault, told, settings) : told;
    },
  },
).catch(fatal);
process.exit(0);
