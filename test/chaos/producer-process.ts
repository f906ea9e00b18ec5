// Child process of the chaos run: sends numbered records through KafkaSender as the pump does, and writes down each
// that was acknowledged. Started again, it goes on behind the last one. Argument: a file with its job as JSON.
import { openSync, readFileSync, writeSync } from 'node:fs';
import { KafkaSender } from '../../clients/kafka/producer.ts';
import type { Config } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { describe, PipelineError } from '../../pipeline/errors.ts';
import { stopOnSignals } from '../../pipeline/lifecycle.ts';
import { createLog } from '../../pipeline/log.ts';
import { withRetry } from '../../pipeline/retry.ts';
import { acknowledgedEnd } from './acknowledged.ts';
import { RUN_HEADER, recordOf, type Workload } from './workload.ts';

export interface ProducerJob {
  readonly config: Config['kafka'];
  readonly topic: string;
  readonly producer: number;
  readonly workload: Workload;
  /** File of what was acknowledged. */
  readonly acknowledged: string;
}

const SEND_EVERY_MS = 100;
const RETRY = { delayMs: 100, delayMsMax: 1000, deadlineMs: 10 * 60_000 };
/** After this time a stop no longer waits for what is under way: it is not acknowledged then. */
const LEAVE_MS = 60_000;

const job: ProducerJob = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
const log = createLog({ level: 'debug', format: 'json' });
process.on('disconnect', () => process.exit(1));
const { signal } = stopOnSignals((message) => log.info(message));
const leave = new AbortController();
signal.addEventListener('abort', () =>
  setTimeout(() => leave.abort(signal.reason), LEAVE_MS).unref(),
);

async function produce(): Promise<void> {
  const { config, topic, producer, workload, acknowledged } = job;
  const run = `${Date.now()}`;
  let next = acknowledgedEnd(acknowledged);
  const file = openSync(acknowledged, 'a');
  const sender = await KafkaSender.open(config, log, signal, 10_000);
  const perSend = Math.max(1, Math.round((workload.rate * SEND_EVERY_MS) / 1000));
  while (!signal.aborted) {
    const numbered = Array.from({ length: perSend }, (_, index) =>
      recordOf(producer, next + index, workload),
    );
    const records = numbered.map(({ id, partition, timestamp, value }) => ({
      ...{ key: Buffer.from(id), value, partition, timestamp },
      headers: { [RUN_HEADER]: run },
    }));
    await withRetry(
      () => sender.send(topic, records, leave.signal),
      RETRY,
      systemClock,
      leave.signal,
      { onRetry: ({ code, message }) => log.warn('sending again', { code, why: message }) },
    );
    next += perSend;
    // One write each: a kill finds it done or not done. What is not written down is sent again.
    writeSync(file, `${next}\n`);
    await systemClock.sleep(SEND_EVERY_MS, signal).catch(() => undefined);
  }
  await sender.close();
}

await produce().catch((error: unknown) => {
  if (signal.aborted) process.exit(0);
  log.error('ended by an error', {
    code: error instanceof PipelineError ? error.code : 'BUG',
    why: describe(error),
  });
  process.exit(error instanceof PipelineError ? error.exit : 70);
});
process.exit(0);
