// What kafkajs throws, as our codes and words.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { kafkaError, kafkaErrorType } from '../../../../clients/kafka/errors.ts';
import { PipelineError } from '../../../../pipeline/errors.ts';

interface Fields {
  readonly type?: string;
  readonly code?: string | number;
  readonly broker?: string;
  readonly retriable?: boolean;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
}

/** An error as kafkajs makes it: class name, message, and what it carries. */
function thrown(name: string, message: string, fields: Fields = {}): Error {
  return Object.assign(new Error(message), { name, ...fields });
}

const exhausted = (cause: Error) =>
  thrown('KafkaJSNumberOfRetriesExceeded', cause.message, { retriable: false, cause });
const protocol = (type: string, retriable = false) =>
  thrown('KafkaJSProtocolError', `words for ${type}`, { type, code: 29, retriable });
const connection = (code: string, message: string) =>
  exhausted(thrown('KafkaJSConnectionError', message, { code, broker: 'b:9092', retriable: true }));

const CASES: readonly [string, Error, string, RegExp][] = [
  [
    'a refused port',
    connection('ECONNREFUSED', 'connect ECONNREFUSED 1.2.3.4:9092'),
    'KAFKA_UNAVAILABLE',
    /ECONNREFUSED/,
  ],
  [
    'an unknown host',
    connection('ENOTFOUND', 'getaddrinfo ENOTFOUND kfka'),
    'KAFKA_UNAVAILABLE',
    /host name is unknown/,
  ],
  [
    'an unknown authority',
    connection('SELF_SIGNED_CERT_IN_CHAIN', 'self-signed'),
    'KAFKA_TLS',
    /self-signed/,
  ],
  ['an expired certificate', connection('CERT_HAS_EXPIRED', 'expired'), 'KAFKA_TLS', /expired/],
  [
    'another host name',
    connection('ERR_TLS_CERT_ALTNAME_INVALID', 'altnames'),
    'KAFKA_TLS',
    /altnames/,
  ],
  [
    'a missing client certificate',
    connection('ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'alert 42'),
    'KAFKA_TLS',
    /alert 42/,
  ],
  [
    'TLS to a plain port',
    connection('ERR_SSL_WRONG_VERSION_NUMBER', 'wrong version'),
    'KAFKA_TLS',
    /wrong version/,
  ],
  [
    'a closed connection',
    exhausted(thrown('KafkaJSConnectionClosedError', 'Closed connection')),
    'KAFKA_UNAVAILABLE',
    /closed the connection/,
  ],
  [
    'a wrong password',
    thrown('KafkaJSSASLAuthenticationError', 'SASL PLAIN authentication failed', {
      retriable: false,
    }),
    'KAFKA_REJECTED',
    /SASL PLAIN/,
  ],
  ['another mechanism', protocol('UNSUPPORTED_SASL_MECHANISM'), 'KAFKA_REJECTED', /UNSUPPORTED/],
  [
    'a missing right on the topic',
    thrown('KafkaJSNonRetriableError', 'no', { cause: protocol('TOPIC_AUTHORIZATION_FAILED') }),
    'KAFKA_REJECTED',
    /TOPIC_AUTHORIZATION_FAILED/,
  ],
  [
    'a missing right to write anywhere',
    protocol('CLUSTER_AUTHORIZATION_FAILED'),
    'KAFKA_REJECTED',
    /CLUSTER/,
  ],
  [
    'a missing right on the group',
    thrown('KafkaJSGroupCoordinatorNotFound', 'Failed to find group coordinator', {
      retriable: false,
    }),
    'KAFKA_REJECTED',
    /missing right/,
  ],
  [
    'a right missing at the creation of a topic',
    thrown('KafkaJSAggregateError', 'Topic creation errors', {
      errors: [
        thrown('KafkaJSCreateTopicError', 'Not authorized', {
          type: 'TOPIC_AUTHORIZATION_FAILED',
          retriable: false,
        }),
      ],
    }),
    'KAFKA_REJECTED',
    /Not authorized/,
  ],
  [
    'an unknown topic',
    protocol('UNKNOWN_TOPIC_OR_PARTITION', true),
    'KAFKA_REJECTED',
    /UNKNOWN_TOPIC/,
  ],
  ['a too large message', protocol('MESSAGE_TOO_LARGE'), 'KAFKA_REJECTED', /MESSAGE_TOO_LARGE/],
  [
    'too few replicas',
    exhausted(protocol('NOT_ENOUGH_REPLICAS', true)),
    'KAFKA_UNAVAILABLE',
    /NOT_ENOUGH_REPLICAS/,
  ],
  [
    'a sequence the broker does not expect',
    protocol('OUT_OF_ORDER_SEQUENCE_NUMBER'),
    'KAFKA_UNAVAILABLE',
    /SEQUENCE/,
  ],
  [
    'a transactional id that nobody used for days',
    protocol('INVALID_PRODUCER_ID_MAPPING'),
    'KAFKA_UNAVAILABLE',
    /PRODUCER_ID_MAPPING/,
  ],
  [
    'an empty broker pool',
    exhausted(thrown('KafkaJSBrokerNotFound', 'No brokers in the broker pool')),
    'KAFKA_UNAVAILABLE',
    /no broker answers/,
  ],
  [
    'an unreadable codec',
    thrown('UnknownCodec', 'compression codec 5 is not known', { retriable: false }),
    'KAFKA_CODEC_MISSING',
    /codec 5/,
  ],
  [
    'a batch that cannot be unpacked',
    thrown('UnreadableBatch', 'a record batch is no valid lz4', { retriable: false }),
    'KAFKA_BATCH_UNREADABLE',
    /no valid lz4/,
  ],
  [
    'a batch of too many records',
    new RangeError('Maximum call stack size exceeded'),
    'KAFKA_BATCH_UNREADABLE',
    /more records/,
  ],
  [
    'metadata that every broker failed to give',
    new TypeError("Cannot read properties of null (reading 'topicMetadata')"),
    'KAFKA_UNAVAILABLE',
    /no broker answers/,
  ],
  [
    'a description of the cluster that every broker failed to give',
    new TypeError("Cannot destructure property 'brokers' of '(intermediate value)' as it is null."),
    'KAFKA_UNAVAILABLE',
    /no broker answers/,
  ],
  [
    'a topic whose leaders were forgotten while others were looked up',
    new TypeError("Cannot destructure property 'partitions' of 'low.pop(...)' as it is undefined."),
    'KAFKA_UNAVAILABLE',
    /leaders of the topic/,
  ],
  ['a defect', new TypeError('x is not a function'), 'BUG', /not a function/],
];

suite('Kafka errors', () => {
  for (const [what, error, code, words] of CASES) {
    test(`${what} is ${code} and keeps the broker's words`, () => {
      const made = kafkaError(error, 'read topic posts', { topic: 'posts' });
      assert.equal(made.code, code);
      assert.match(made.message, /^cannot read topic posts: /);
      assert.match(made.message, words);
      assert.ok(made.hint, 'it says what to do');
      assert.equal(made.context['topic'], 'posts');
      assert.equal(made.cause, error);
    });
  }

  test('one of ours passes unchanged, also from inside', () => {
    const ours = new PipelineError('CONFIG_UNREADABLE', 'cannot read ca.pem');
    assert.equal(kafkaError(ours, 'x'), ours);
    assert.equal(kafkaError(exhausted(ours), 'x'), ours);
  });

  test('causes that point in a circle, and things that are no errors, do no harm', () => {
    const circle: Error & { cause?: unknown } = thrown('KafkaJSError', 'round');
    circle.cause = circle;
    assert.equal(kafkaError(circle, 'x').code, 'KAFKA_UNAVAILABLE');
    assert.match(kafkaError('text', 'x').message, /text/);
  });

  test('the broker type is found at any depth', () => {
    assert.equal(kafkaErrorType(exhausted(protocol('NOT_CONTROLLER'))), 'NOT_CONTROLLER');
    assert.equal(kafkaErrorType(new Error('x')), undefined);
  });
});
