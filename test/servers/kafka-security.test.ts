// Every way in which Kafka refuses, on a broker with TLS, logins and rights: the right code, the right words, in time.
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { inspect } from 'node:util';
import kafkajs, { type AclOperationTypes } from 'kafkajs';
import { KafkaAdmin } from '../../clients/kafka/admin.ts';
import { KafkaSender } from '../../clients/kafka/producer.ts';
import type { Config } from '../../params/schema.ts';
import { type ErrorCode, PipelineError } from '../../pipeline/errors.ts';
import { silentLog } from '../../pipeline/log.ts';
import { ADMIN, SecuredKafka, USER } from '../support/secured-kafka.ts';
import { uniqueName } from '../support/stack.ts';

const kafka = new SecuredKafka();
const signal = new AbortController().signal;
// On a busy machine a first answer takes seconds, and only an answer tells what is wrong.
const START_MS = 6000;

before(() => kafka.start(), { timeout: 240_000 });
after(() => kafka.stop());

const openAdmin = (config: Config['kafka']) => KafkaAdmin.open(config, silentLog, signal, START_MS);

async function assertFails(work: Promise<unknown>, code: ErrorCode, words: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof PipelineError, inspect(error));
    assert.equal(error.code, code, inspect(error));
    assert.match(error.message, words);
    assert.ok(error.hint);
    assert.ok(!inspect(error, { depth: 20 }).includes('canary'), 'no secret is shown');
    return true;
  });
}

async function grant(operation: AclOperationTypes, topic: string): Promise<void> {
  await kafka.administer((admin) =>
    admin.createAcls({
      acl: [
        {
          resourceType: kafkajs.AclResourceTypes.TOPIC,
          resourceName: topic,
          resourcePatternType: kafkajs.ResourcePatternTypes.LITERAL,
          principal: `User:${USER.username}`,
          host: '*',
          operation,
          permissionType: kafkajs.AclPermissionTypes.ALLOW,
        },
      ],
    }),
  );
}

suite('Kafka with TLS, logins and rights', () => {
  test('a user with rights creates a topic, sends and reads offsets over TLS', async () => {
    const topic = uniqueName('ok');
    const admin = await openAdmin(kafka.config(ADMIN));
    assert.deepEqual(await admin.ensureTopic(topic, { partitions: 1, replication: 1 }, signal), {
      created: true,
      partitions: 1,
    });
    const sender = await KafkaSender.open(kafka.config(ADMIN), silentLog, signal);
    await sender.send(topic, [{ key: null, value: Buffer.from('x') }], signal);
    assert.equal((await admin.offsets(topic, signal)).get(0)?.highWatermark, 1n);
    await sender.close();
    await admin.close();
  });

  test('a wrong password is refused at once', async () => {
    const config = kafka.config({ ...USER, password: 'wrong-canary' });
    const began = performance.now();
    await assertFails(openAdmin(config), 'KAFKA_REJECTED', /localhost:\d+.*invalid credentials/);
    assert.ok(performance.now() - began < START_MS, 'without trying again');
  });

  test('a mechanism that the listener does not offer is refused', async () => {
    const sasl = { mechanism: 'plain', ...USER };
    await assertFails(openAdmin(kafka.config(USER, { sasl })), 'KAFKA_REJECTED', /mechanism/i);
  });

  test('an authority that did not sign the certificate is a TLS error', async () => {
    const config = kafka.config(USER, { tls: { ca: kafka.otherCa } });
    await assertFails(openAdmin(config), 'KAFKA_TLS', /self-signed certificate/);
  });

  test('the public authorities do not know a private one', async () => {
    await assertFails(openAdmin(kafka.config(USER, { tls: {} })), 'KAFKA_TLS', /self-signed/);
  });

  test('a certificate for another name is a TLS error', async () => {
    const config = kafka.config(USER, { tls: { ca: kafka.ca, serverName: 'kafka.example' } });
    await assertFails(openAdmin(config), 'KAFKA_TLS', /altnames/);
  });

  test('plain text to the TLS port is told from a broker that is away', async () => {
    const config = kafka.config(USER, { tls: undefined });
    await assertFails(openAdmin(config), 'KAFKA_UNAVAILABLE', /closed the connection/);
  });

  test('TLS without a login on a port that wants one is told, too', async () => {
    const config = kafka.config(USER, { sasl: undefined });
    await assertFails(openAdmin(config), 'KAFKA_UNAVAILABLE', /closed the connection/);
  });

  test('a certificate file that cannot be read is named', async () => {
    const config = kafka.config(USER, { tls: { ca: '/no/such/ca.pem' } });
    await assertFails(openAdmin(config), 'CONFIG_UNREADABLE', /kafka\.tls\.ca \/no\/such\/ca\.pem/);
  });

  test('a user without rights may not create, see or write a topic', async () => {
    const topic = uniqueName('closed');
    const admin = await openAdmin(kafka.config(USER));
    const shape = { partitions: 1, replication: 1 };
    await assertFails(admin.ensureTopic(topic, shape, signal), 'KAFKA_REJECTED', /uthoriz/);
    await assertFails(admin.partitions(topic, signal), 'KAFKA_REJECTED', /uthoriz/);
    await assertFails(admin.groupState('closed-group'), 'KAFKA_REJECTED', /missing right/);
    await admin.close();
    const opening = KafkaSender.open(kafka.config(USER), silentLog, signal, START_MS);
    await assertFails(opening, 'KAFKA_REJECTED', /CLUSTER|uthoriz/);
  });

  test('a user who may read a topic may still not write to it', async () => {
    const [mine, theirs] = [uniqueName('mine'), uniqueName('theirs')];
    await kafka.administer((admin) =>
      admin.createTopics({ topics: [{ topic: mine }, { topic: theirs }], waitForLeaders: false }),
    );
    await grant(kafkajs.AclOperationTypes.WRITE, mine);
    await grant(kafkajs.AclOperationTypes.DESCRIBE, theirs);
    const sender = await KafkaSender.open(kafka.config(USER), silentLog, signal, START_MS);
    const record = { key: null, value: Buffer.from('canary') };
    await assertFails(sender.send(theirs, [record], signal), 'KAFKA_REJECTED', new RegExp(theirs));
    assert.deepEqual(await sender.send(mine, [record], signal), new Map([[0, 1]]));
    await sender.close();
  });
});
