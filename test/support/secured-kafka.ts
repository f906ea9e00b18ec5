// A Kafka broker of its own with TLS, logins (SCRAM) and rights, for what the shared stack cannot show.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import type { Config } from '../../params/schema.ts';
import { configSchema } from '../../params/schema.ts';
import { silentLog } from '../../pipeline/log.ts';
import { ensureArtifact } from '../../stack/artifacts.ts';
import { javaCommand } from '../../stack/java.ts';
import { eventually } from './eventually.ts';

export const ADMIN = { username: 'admin', password: 'admin-canary' };
export const USER = { username: 'pipeline', password: 'pipeline-canary' };

const MECHANISM = 'scram-sha-512';
const JAAS = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';

export class SecuredKafka {
  readonly #directory = mkdtempSync(join(tmpdir(), 'kafka-hive-secured-'));
  #broker: ChildProcess | undefined;
  #address = '';

  /** The certificate of the broker, which is its own authority. */
  get ca(): string {
    return join(this.#directory, 'broker.pem');
  }

  /** A certificate that signed nothing here. */
  get otherCa(): string {
    return join(this.#directory, 'other.pem');
  }

  async start(): Promise<void> {
    const { jars } = await ensureArtifact('kafka', {
      log: silentLog,
      signal: new AbortController().signal,
    });
    this.#certificate('broker');
    this.#certificate('other');
    const [secured, internal, controller] = await freePorts(3);
    this.#address = `localhost:${secured}`;
    const properties = join(this.#directory, 'server.properties');
    writeFileSync(properties, this.#properties(secured ?? 0, internal ?? 0, controller ?? 0));
    const java = ['-Xmx256m', '-cp', jars.join(':')];
    const users = [ADMIN, USER].flatMap(({ username, password }) => [
      '--add-scram',
      `SCRAM-SHA-512=[name=${username},password=${password}]`,
    ]);
    const format = ['format', '-t', 'AAAAAAAAAAAAAAAAAAAAAQ', '-c', properties, ...users];
    execFileSync(javaCommand(), [...java, 'kafka.tools.StorageTool', ...format], { stdio: 'pipe' });
    this.#broker = spawn(javaCommand(), [...java, 'kafka.Kafka', properties], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const log = createWriteStream(join(this.#directory, 'broker.log'));
    this.#broker.stdout?.pipe(log);
    this.#broker.stderr?.pipe(log);
    await eventually(() => this.administer((admin) => admin.listTopics()), 180_000, 500);
  }

  async stop(): Promise<void> {
    const broker = this.#broker;
    if (broker && broker.exitCode === null) {
      const gone = new Promise((resolve) => broker.once('exit', resolve));
      broker.kill('SIGKILL');
      await gone;
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Settings that log in as `user`, laid over by `more`. */
  config(user: { username: string; password: string }, more: object = {}): Config['kafka'] {
    return configSchema.parse({
      kafka: {
        brokers: [this.#address],
        tls: { ca: this.ca },
        sasl: { mechanism: MECHANISM, ...user },
        ...more,
      },
    }).kafka;
  }

  /** Runs `work` with every right, by a bare kafkajs. */
  async administer<T>(work: (admin: ReturnType<Kafka['admin']>) => Promise<T>): Promise<T> {
    const kafka = new Kafka({
      brokers: [this.#address],
      ssl: { ca: readFileSync(this.ca) },
      sasl: { mechanism: MECHANISM, ...ADMIN },
      logLevel: logLevel.NOTHING,
      retry: { retries: 1 },
    });
    const admin = kafka.admin();
    try {
      await admin.connect();
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  }

  /** Key store `<name>.p12` and certificate `<name>.pem`, self-signed for localhost. */
  #certificate(name: string): void {
    const keytool = join(dirname(javaCommand()), 'keytool');
    const store = ['-keystore', join(this.#directory, `${name}.p12`), '-storepass', 'changeit'];
    const names = ['-dname', `CN=${name}`, '-ext', 'SAN=dns:localhost'];
    const key = ['-alias', name, '-keyalg', 'EC', '-storetype', 'PKCS12', '-validity', '2'];
    const quiet = { stdio: 'pipe' } as const;
    execFileSync(keytool, ['-genkeypair', ...key, ...names, ...store], quiet);
    const file = join(this.#directory, `${name}.pem`);
    execFileSync(keytool, ['-exportcert', '-rfc', '-alias', name, '-file', file, ...store], quiet);
  }

  #properties(secured: number, internal: number, controller: number): string {
    const listeners = `SECURED://localhost:${secured},INTERNAL://127.0.0.1:${internal}`;
    return [
      'process.roles=broker,controller',
      'node.id=1',
      `controller.quorum.voters=1@127.0.0.1:${controller}`,
      `listeners=${listeners},CONTROLLER://127.0.0.1:${controller}`,
      `advertised.listeners=${listeners}`,
      'listener.security.protocol.map=SECURED:SASL_SSL,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT',
      'inter.broker.listener.name=INTERNAL',
      'controller.listener.names=CONTROLLER',
      `log.dirs=${join(this.#directory, 'data')}`,
      'offsets.topic.replication.factor=1',
      'offsets.topic.num.partitions=2',
      'transaction.state.log.replication.factor=1',
      'transaction.state.log.min.isr=1',
      'group.initial.rebalance.delay.ms=0',
      'auto.create.topics.enable=false',
      'sasl.enabled.mechanisms=SCRAM-SHA-512',
      `listener.name.secured.scram-sha-512.sasl.jaas.config=${JAAS}`,
      `ssl.keystore.location=${join(this.#directory, 'broker.p12')}`,
      'ssl.keystore.password=changeit',
      'ssl.keystore.type=PKCS12',
      'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users=User:admin;User:ANONYMOUS',
      'allow.everyone.if.no.acl.found=false',
    ].join('\n');
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => new Promise((done) => server.once('listening', done))));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}
