// Turns what kafkajs throws into our errors: the code says whether waiting helps, the words are the broker's own,
// and the misleading ones are translated.

import type { ErrorCode, ErrorContext } from '../../pipeline/errors.ts';
import { PipelineError } from '../../pipeline/errors.ts';

/** What kafkajs' errors carry, whichever class they are. */
interface KafkaFailure {
  readonly name: string;
  readonly message: string;
  readonly type?: string;
  readonly code?: string | number;
  readonly broker?: string;
  readonly retriable?: boolean;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
}

interface Verdict {
  readonly code: ErrorCode;
  readonly words?: string;
  readonly hint: string;
}

const TLS_CODE =
  /^(CERT_|ERR_TLS_|ERR_SSL_|EPROTO$|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED)/;

/** kafkajs hands the records of one batch over as arguments of a call, of which there may be some 120,000. */
const UNREADABLE_BATCH: Verdict = {
  code: 'KAFKA_BATCH_UNREADABLE',
  hint:
    'Have whoever sends there make smaller batches (batch.size). Nothing behind this batch can be read; `positions set ' +
    '<partition>:<offset> --force` passes over everything from the position to that offset, and records the jump.',
};

/** Verdicts by the broker's error type. */
const BY_TYPE: Readonly<Record<string, Verdict>> = {
  TOPIC_AUTHORIZATION_FAILED: rejected(
    'Grant the user READ (consumer), WRITE (producer) or DESCRIBE on the topic, CREATE to create it; check its name.',
  ),
  GROUP_AUTHORIZATION_FAILED: rejected('Grant the user READ on the consumer group.'),
  CLUSTER_AUTHORIZATION_FAILED: rejected(
    'The user has WRITE on no topic at all (this is how Kafka refuses an idempotent producer): grant WRITE on the topic.',
  ),
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: rejected('Grant the user WRITE on the transactional id.'),
  UNSUPPORTED_SASL_MECHANISM: rejected(
    'Set kafka.sasl.mechanism in config.json to one that this listener offers.',
  ),
  UNKNOWN_TOPIC_OR_PARTITION: rejected('Create the topic, or correct its name.'),
  INVALID_TOPIC_EXCEPTION: rejected('Choose another topic name.'),
  INVALID_REPLICATION_FACTOR: rejected(
    'Lower producer.topicReplication to the number of brokers at most.',
  ),
  MESSAGE_TOO_LARGE: rejected(
    'Raise max.message.bytes of the topic, or lower producer.sendBytesMax.',
  ),
  RECORD_LIST_TOO_LARGE: rejected(
    'Raise segment.bytes of the topic, or lower producer.sendBytesMax.',
  ),
};

/** kafkajs asks one broker after the other, and goes on with null for the metadata when each connection broke. */
const NO_ANSWER =
  /^Cannot (read properties of null|destructure property).*'(topicMetadata|brokers)'/;

/** What kafkajs stumbles over when it has forgotten the leaders of a topic, because others were looked up at the same time. */
export const LEADERS_FORGOTTEN = /^Cannot destructure property 'partitions' of '(high|low)\.pop/;

/** The broker refused the sequence of an idempotent producer: nothing was written, a new producer may send it. */
export const SEQUENCE_TYPES: readonly string[] = [
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_EPOCH',
];

/** A transaction is over: another producer took the transactional id over, or nobody has used it for days. */
const TRANSACTION_TYPES: readonly string[] = [
  'INVALID_TXN_STATE',
  'INVALID_PRODUCER_ID_MAPPING',
  'TRANSACTION_COORDINATOR_FENCED',
];

/**
 * The error of a failed Kafka call. `doing` completes "cannot ...": what was tried, on what. Anything that is
 * already ours passes unchanged.
 */
export function kafkaError(
  error: unknown,
  doing: string,
  context: ErrorContext = {},
): PipelineError {
  if (error instanceof PipelineError) return error;
  const chain = causes(error);
  const own = chain.find((link) => link instanceof PipelineError);
  if (own instanceof PipelineError) return own;
  const root = rootOf(chain);
  const { code, words, hint } = judge(root, chain);
  const said = words ?? root.message;
  return new PipelineError(code, `cannot ${doing}: ${said}`, {
    hint,
    context: { ...context, ...(root.broker ? { broker: root.broker } : {}), kafka: root.type },
    cause: error,
  });
}

/** The broker's error type behind anything kafkajs throws, such as `NOT_LEADER_FOR_PARTITION`. */
export function kafkaErrorType(error: unknown): string | undefined {
  return causes(error).find((link) => link.type !== undefined)?.type;
}

/** Whether kafkajs' error of this name is behind `error`. */
export function hasName(error: unknown, name: string): boolean {
  return causes(error).some((link) => link.name === name);
}

function rejected(hint: string): Verdict {
  return { code: 'KAFKA_REJECTED', hint };
}

function judge(root: KafkaFailure, chain: readonly KafkaFailure[]): Verdict {
  const named = (name: string) => chain.some((link) => link.name === name);
  const unreadable = chain.find((link) => link.name === 'UnreadableBatch');
  if (unreadable) return { ...UNREADABLE_BATCH, words: unreadable.message };
  if (root.name === 'RangeError' && root.message.includes('call stack')) {
    return { ...UNREADABLE_BATCH, words: 'a record batch holds more records than can be unpacked' };
  }
  const code = String(root.code ?? '');
  if (TLS_CODE.test(code)) return { code: 'KAFKA_TLS', hint: tlsHint(code) };
  if (named('UnknownCodec')) {
    const hint = 'Have the records sent without compression or with gzip, snappy, lz4 or zstd.';
    return { code: 'KAFKA_CODEC_MISSING', hint };
  }
  if (named('KafkaJSSASLAuthenticationError')) {
    return rejected('Check kafka.sasl (mechanism, username, password) in config.json.');
  }
  if (named('KafkaJSGroupCoordinatorNotFound')) {
    const words =
      'Kafka does not tell who coordinates the consumer group (usually a missing right)';
    return {
      ...rejected('Grant the user READ on the consumer group, or DESCRIBE to look at it.'),
      words,
    };
  }
  const type = root.type ?? '';
  const known = BY_TYPE[type];
  if (known) return known;
  if (SEQUENCE_TYPES.includes(type)) {
    return { code: 'KAFKA_UNAVAILABLE', hint: 'The records are sent again by a new producer.' };
  }
  if (TRANSACTION_TYPES.includes(type)) {
    return { code: 'KAFKA_UNAVAILABLE', hint: 'The transaction is made again by a new producer.' };
  }
  if (root.name === 'KafkaJSProtocolError' && root.retriable === false) {
    return rejected('The broker log says more.');
  }
  if (root.name === 'TypeError' && NO_ANSWER.test(root.message)) {
    return { code: 'KAFKA_UNAVAILABLE', ...unavailable(root, chain), words: 'no broker answers' };
  }
  if (root.name === 'TypeError' && LEADERS_FORGOTTEN.test(root.message)) {
    const words = 'the leaders of the topic are not known at the moment';
    return { code: 'KAFKA_UNAVAILABLE', ...unavailable(root, chain), words };
  }
  if (isOurFault(root)) return { code: 'BUG', hint: 'Please report this with the log.' };
  return { code: 'KAFKA_UNAVAILABLE', ...unavailable(root, chain) };
}

function unavailable(root: KafkaFailure, chain: readonly KafkaFailure[]) {
  const code = String(root.code ?? '');
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return {
      words: `the host name is unknown (${root.message})`,
      hint: 'Check the host in kafka.brokers, and the advertised.listeners of the broker.',
    };
  }
  if (chain.some((link) => link.name === 'KafkaJSConnectionClosedError')) {
    return {
      words: 'the broker closed the connection',
      hint: 'If this happens at every attempt, the listener wants TLS or a login: see kafka.tls and kafka.sasl.',
    };
  }
  if (root.message.includes('No brokers in the broker pool')) {
    return {
      words: 'no broker answers (none is known any more, or the login has expired)',
      hint: 'Check that the brokers run and that the credentials are still valid.',
    };
  }
  return {
    hint: 'Check kafka.brokers in config.json and that the brokers run; `kafka-hive stack status` shows the local one.',
  };
}

function tlsHint(code: string): string {
  if (code.includes('ALTNAME') || code === 'HOSTNAME_MISMATCH') {
    return 'The certificate is for another name: connect by that name or set kafka.tls.serverName.';
  }
  if (/ALERT_(BAD_CERTIFICATE|CERTIFICATE)|CERTIFICATE_REQUIRED/.test(code)) {
    return 'The broker refused our client certificate: set kafka.tls.cert and kafka.tls.key to a valid pair.';
  }
  if (code.includes('EXPIRED')) return 'The certificate of the broker has expired: renew it.';
  if (/WRONG_VERSION|EPROTO/.test(code)) {
    return 'The listener does not speak TLS: use its TLS port, or set kafka.tls.enabled to false.';
  }
  return 'The certificate is not trusted: set kafka.tls.ca to the PEM file of the authority that signed it.';
}

/** A programming error inside or around kafkajs, which waiting does not cure. */
function isOurFault(root: KafkaFailure): boolean {
  return ['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError'].includes(root.name);
}

/** The error and everything that caused it, outermost first; bounded, as causes may point in a circle. */
function causes(error: unknown): KafkaFailure[] {
  const chain: KafkaFailure[] = [];
  let next: unknown = error;
  while (next instanceof Error && chain.length < 10 && !chain.includes(next)) {
    chain.push(next);
    const link: KafkaFailure = next;
    next = link.cause ?? link.errors?.[0];
  }
  if (chain.length === 0) chain.push({ name: 'Error', message: String(error) });
  return chain;
}

/** The innermost error that says something: a broker's type or a system code, else simply the innermost. */
function rootOf(chain: readonly KafkaFailure[]): KafkaFailure {
  const telling = chain.findLast((link) => link.type !== undefined || link.code !== undefined);
  return telling ?? chain[chain.length - 1] ?? { name: 'Error', message: 'unknown failure' };
}
