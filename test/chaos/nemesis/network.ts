// The network of a chaos run: each client reaches each server through a proxy of its own, so that one client can be cut off
// while the others work.
import { type Config, configSchema } from '../../../params/schema.ts';
import type { StackEndpoints } from '../../../stack/layout.ts';
import type { NodeName, Proxied } from '../fault.ts';
import { type Effect, TcpProxy } from './proxy.ts';
import { type Address, httpAddresses, kafkaAddresses, type Redirection } from './rewrite.ts';

/** One server as one client sees it. */
interface Path {
  readonly client: number;
  readonly service: Proxied;
  readonly node: NodeName;
  readonly of: Address;
  readonly proxy: TcpProxy;
}

/** The settings of a client that reaches the servers at `endpoints`. */
export function configFor({ kafka, hdfs, hive }: StackEndpoints): Config {
  return configSchema.parse({
    kafka: { brokers: [...kafka.brokers] },
    hdfs: { nameNodes: [...hdfs.nameNodes] },
    hive,
  });
}

export class Network {
  readonly #endpoints: StackEndpoints;
  readonly #paths: readonly Path[];

  private constructor(endpoints: StackEndpoints, paths: readonly Path[]) {
    this.#endpoints = endpoints;
    this.#paths = paths;
  }

  /** Asks the running NameNode for its DataNodes and opens the proxies of `clients` clients. */
  static async open(endpoints: StackEndpoints, clients: number): Promise<Network> {
    const servers = [
      ...endpoints.kafka.brokers.map((broker, at) => ({
        ...({ service: 'kafka', node: `broker ${at + 1}`, of: addressOf(broker) } as const),
      })),
      ...endpoints.hdfs.nameNodes.map((url) => ({
        ...({ service: 'namenode', node: 'namenode', of: addressOf(new URL(url).host) } as const),
      })),
      ...(await dataNodes(endpoints)).map((of, at) => ({
        ...({ service: 'datanode', node: `datanode ${at + 1}`, of } as const),
      })),
      { service: 'hive', node: 'hive', of: endpoints.hive } as const,
    ];
    const paths: Path[] = [];
    for (let client = 0; client < clients; client += 1) {
      const own: Path[] = [];
      for (const server of servers) {
        own.push({ ...server, client, proxy: await TcpProxy.listen(server.of) });
      }
      const redirections = (service: Proxied): Redirection[] =>
        own
          .filter((path) => path.service === service)
          .map(({ of, proxy }) => ({ of, port: proxy.port }));
      for (const { service, proxy } of own) {
        if (service === 'kafka') proxy.rewriteAnswers(() => kafkaAddresses(redirections('kafka')));
        if (service === 'namenode')
          proxy.rewriteAnswers(() => httpAddresses(redirections('datanode')));
      }
      paths.push(...own);
    }
    return new Network(endpoints, paths);
  }

  /** Settings whose every connection goes through the proxies of `client`. */
  config(client: number): Config {
    const own = this.#paths.filter((path) => path.client === client);
    if (own.length === 0) throw new Error(`the world was not opened for a client ${client}`);
    const hosts = (service: Proxied) =>
      own
        .filter((path) => path.service === service)
        .map(({ of, proxy }) => `${of.host}:${proxy.port}`);
    const [hive] = own.filter((path) => path.service === 'hive');
    return configFor({
      kafka: { brokers: hosts('kafka') },
      hdfs: { ...this.#endpoints.hdfs, nameNodes: hosts('namenode').map((at) => `http://${at}`) },
      hive: { ...this.#endpoints.hive, port: hive?.proxy.port ?? 0 },
    });
  }

  /** Misbehaves until the returned function is called; on the connections of one client or of all. */
  async impose(
    effect: Effect & { readonly target: Proxied; readonly client?: number },
  ): Promise<() => Promise<void>> {
    const { target, client } = effect;
    const hit = this.#of(target, client);
    const ends = await Promise.all(hit.map(({ proxy }) => proxy.impose(effect)));
    return async () => void (await Promise.all(ends.map((end) => end())));
  }

  /** Lets the client lose its connections to a service while the server keeps its side: for connections that are half-open. */
  resetClient(service: Proxied, client: number): void {
    for (const { proxy } of this.#of(service, client)) proxy.resetClients();
  }

  /** Pieces of answers of `service` to `client` that were lost on half-open connections. */
  answersLost(service: Proxied, client: number): number {
    return this.#of(service, client).reduce((sum, { proxy }) => sum + proxy.answersLost, 0);
  }

  /** Resolves when `client` has sent `text` to `service`; what is imposed in the same turn comes before the answer. */
  async sent(service: Proxied, client: number, text: string): Promise<void> {
    await Promise.race(this.#of(service, client).map(({ proxy }) => proxy.sent(text)));
  }

  /** Refuses connections to `node`, as a machine does on which it does not run, until the returned function is called. */
  async refuse(node: NodeName): Promise<() => Promise<void>> {
    const hit = this.#paths.filter((path) => path.node === node);
    const ends = await Promise.all(hit.map(({ proxy }) => proxy.impose({ kind: 'cut' })));
    return async () => void (await Promise.all(ends.map((end) => end())));
  }

  #of(service: Proxied, client: number | undefined): Path[] {
    return this.#paths.filter(
      (path) => path.service === service && (client === undefined || path.client === client),
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.#paths.map(({ proxy }) => proxy.close()));
  }
}

function addressOf(hostAndPort: string): Address {
  const at = hostAndPort.lastIndexOf(':');
  return { host: hostAndPort.slice(0, at), port: Number(hostAndPort.slice(at + 1)) };
}

/** The addresses the NameNode hands out for reading and writing, in the order of their ports. */
async function dataNodes({ hdfs }: StackEndpoints): Promise<Address[]> {
  const bean = 'Hadoop:service=NameNode,name=NameNodeInfo';
  const answer = await fetch(`${hdfs.nameNodes[0]}/jmx?qry=${bean}`);
  const { beans } = (await answer.json()) as { beans: { LiveNodes: string }[] };
  const live = JSON.parse(beans[0]?.LiveNodes ?? '{}') as Record<string, { infoAddr: string }>;
  return Object.values(live)
    .map(({ infoAddr }) => addressOf(infoAddr))
    .sort((a, b) => a.port - b.port);
}
