// weather-alerts: reads weather records, sends those with an alert to one topic and counts of them to another, each with the
// offsets they come from in one transaction. One process of the group has all inputs, because a count is over all of them.
import { countryCodeOf } from '../clients/countries/country-code.ts';
import { KafkaAdmin } from '../clients/kafka/admin.ts';
import { GroupConsumer } from '../clients/kafka/consumer.ts';
import { KAFKA_RECORD_BYTES_MAX } from '../clients/kafka/producer.ts';
import { TransactionalSender, type TransactionStep } from '../clients/kafka/transactions.ts';
import type { Settings } from '../params/schema.ts';
import { Stopping } from '../pipeline/errors.ts';
import { type CommandDeps, Lifecycle } from '../pipeline/lifecycle.ts';
import type { TopicPartition } from '../pipeline/range.ts';
import { deferred } from '../pipeline/retry.ts';
import { Holding, type HoldingDeps } from './alerts/holding.ts';
import type { Outcome } from './alerts/stage.ts';
import { DEAD_LETTER_BYTES_MAX, deadLetterShape, deadLetterTopic } from './dead-letters.ts';

export interface AlertSummary {
  transactions: number;
  alerts: number;
  /** Records in the topic of counts. */
  counts: number;
  deadLetters: number;
  /** Alerts that came too late for at least one of their windows. */
  late: number;
}

/** An alert is a weather record with room for the headers that tell where it comes from. */
const ALERT_BYTES_MAX = KAFKA_RECORD_BYTES_MAX - 1024;
const LATE_HINT = 'they are in the topic of alerts, but not in each of their counts';

/**
 * Runs until told to stop. `onStep` is the handle of the crash suite and nothing else. Throws KAFKA_* (an input topic that
 * is missing: KAFKA_REJECTED), POSITION_GAP, POSITION_BEYOND_END, POSITION_CORRUPT.
 */
export async function runWeatherAlerts(
  settings: Settings,
  deps: CommandDeps,
  onStep?: (step: TransactionStep) => void,
): Promise<AlertSummary> {
  const opened = new Lifecycle();
  const tally = { transactions: 0, alerts: 0, counts: 0, deadLetters: 0, late: 0 };
  try {
    const { log, signal } = deps;
    const { params, config } = settings;
    const { startMs, retryMs } = params.limits;
    const { topics, group } = params.alerts;
    const admin = opened.add('admin', await KafkaAdmin.open(config.kafka, log, signal, startMs));
    await prepareTopics(settings, admin, signal);
    const { sessionTimeoutMs } = params.consumer;
    const options = { topics, group, sessionTimeoutMs, retryMs, soleHolder: true };
    const consumer = opened.add('consumer', GroupConsumer.create(config.kafka, options, log));
    const holdingDeps = {
      ...holdingSettings(settings, deps, onStep),
      ...{ admin, steering: consumer },
      onCommitted: (outcome: Outcome) => account(tally, outcome, deps),
    };
    log.info('joining the group', { topics, group });
    await read(consumer, holdingDeps, deps);
    log.info('stopped', { ...tally });
    return tally;
  } finally {
    await opened.close();
  }
}

/** Every topic that is sent to stands before the first transaction. */
async function prepareTopics(
  { params }: Settings,
  admin: KafkaAdmin,
  signal: AbortSignal,
): Promise<void> {
  const { topics, alertTopic, countTopic } = params.alerts;
  for (const topic of topics) await admin.partitions(topic, signal);
  const { topicPartitions: partitions, topicReplication: replication } = params.producer;
  for (const topic of [alertTopic, countTopic]) {
    await admin.ensureTopic(topic, { partitions, replication }, signal);
  }
  const letters = deadLetterShape(params);
  for (const topic of topics) {
    await admin.ensureTopic(deadLetterTopic({ ...params, topic }), letters, signal);
  }
}

function holdingSettings(
  { params, config }: Settings,
  { log, clock }: CommandDeps,
  onStep: ((step: TransactionStep) => void) | undefined,
): Omit<HoldingDeps, 'admin' | 'steering' | 'onCommitted'> {
  const { topics, alertTopic, countTopic, group, graceMs } = params.alerts;
  const letters = topics.map((topic) => deadLetterTopic({ ...params, topic }));
  const transactions = {
    ...{ transactionalId: group, group },
    topics: [...new Set([alertTopic, countTopic, ...letters])],
    recordBytesMax: DEAD_LETTER_BYTES_MAX,
  };
  return {
    ...{ params, clock, log },
    stage: { graceMs, countryCodeOf, alertTopic, alertBytesMax: ALERT_BYTES_MAX },
    deadLetterTopic: (topic) => deadLetterTopic({ ...params, topic }),
    openSender: (signal) => {
      const { startMs } = params.limits;
      return TransactionalSender.open(config.kafka, transactions, log, signal, startMs, onStep);
    },
  };
}

/** Reads until the signal says stop or it fails for good. Each join ends what the one before has begun. */
async function read(
  consumer: GroupConsumer,
  holdingDeps: HoldingDeps,
  { signal, log }: CommandDeps,
): Promise<void> {
  const failure = deferred<never>();
  failure.promise.catch(() => {});
  let joined = new AbortController();
  let holding: Holding | undefined;
  let ended: Promise<void> = Promise.resolve();
  const hold = (all: readonly TopicPartition[]) => {
    joined.abort(new Stopping('the group was formed anew'));
    joined = new AbortController();
    holding = undefined;
    if (all.length === 0) log.info('stands by: another process of the group has the topics');
    if (all.length === 0 || signal.aborted) return;
    holding = new Holding(holdingDeps, all, joined.signal);
    const before = ended;
    const mine = holding.run().catch((error) => failure.reject(error));
    ended = before.then(() => mine);
  };
  const stopped = deferred<void>();
  const stop = () => stopped.resolve();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    const running = consumer.run({
      assigned: hold,
      records: (fetched) => holding?.inbox?.records(fetched) ?? false,
      passedOver: (...range) => holding?.inbox?.passedOver(...range),
    });
    running.catch((error) => failure.reject(error));
    await Promise.race([stopped.promise, failure.promise, consumer.failed]);
  } finally {
    signal.removeEventListener('abort', stop);
    joined.abort(new Stopping('the program ends'));
    await ended;
  }
}

function account(tally: AlertSummary, outcome: Outcome, { log }: CommandDeps): void {
  const { alerts, counts, deadLetters, late } = outcome;
  const letters = [...deadLetters.values()].reduce((sum, each) => sum + each.length, 0);
  tally.transactions += 1;
  tally.alerts += alerts.length;
  tally.counts += counts.length;
  tally.deadLetters += letters;
  tally.late += late;
  log.debug('committed', { alerts: alerts.length, counts: counts.length });
  if (late > 0) log.warn(`${late} alerts came late: ${LATE_HINT}`);
  if (letters > 0) log.warn('records that are no weather were dead-lettered', { count: letters });
}
