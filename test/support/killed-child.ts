// What child processes of the crash suite do: they run a consumer and send themselves a signal (SIGKILL, SIGSTOP) right after a
// named step of a delivery.
import { readFileSync } from 'node:fs';
import type { Delivery } from '../../consumer/deliver.ts';
import { configSchema, paramsSchema, type Settings } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { type CommandDeps, stopOnSignals } from '../../pipeline/lifecycle.ts';
import { createLog } from '../../pipeline/log.ts';
import { tellSteps } from './delivery-steps.ts';

type Run = (
  settings: Settings,
  deps: CommandDeps,
  options: { readonly untilEnd: boolean; readonly rewire: (delivery: Delivery) => Delivery },
) => Promise<unknown>;

/**
 * Arguments of the process: a file of settings as JSON; the step, or "none"; the signal; "until-end" or "until-told"
 * (SIGTERM). Never returns.
 */
export async function runKilled(run: Run): Promise<never> {
  const [file = '', step = 'none', deadly = 'SIGKILL', until = 'until-end'] = process.argv.slice(2);
  const raw = JSON.parse(readFileSync(file, 'utf8'));
  const settings = {
    params: paramsSchema.parse(raw.params),
    config: configSchema.parse(raw.config),
  };
  const log = createLog({ level: 'info', format: 'json' });
  const { signal } = stopOnSignals((message) => log.info(message));
  let isHit = false;
  await run(
    settings,
    { log, clock: systemClock, signal, out: () => {} },
    {
      untilEnd: until === 'until-end',
      rewire: (delivery) =>
        tellSteps(delivery, (passed) => {
          if (passed !== step || isHit) return;
          isHit = true;
          process.kill(process.pid, deadly);
        }),
    },
  );
  process.exit(0);
}
