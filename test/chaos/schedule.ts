// The plan of one chaos schedule: its workload and every fault with its time, all from one seed. Pure: the same options
// give the same plan, on every machine.
import { DELIVERY_STEPS, type DeliveryStep } from '../support/delivery-steps.ts';
import { type Fault, type NodeName, PROXIED, type Proxied } from './fault.ts';
import { Random } from './random.ts';
import {
  daysUntil,
  isLocations,
  planWorkload,
  type SinkChoice,
  type Workload,
} from './workload.ts';

export const PLANTS = ['blind-overwrite', 'early-sweep', 'early-advance'] as const;
export type Plant = (typeof PLANTS)[number];

export interface ScheduleOptions {
  readonly seed: number;
  /** Length of the faults, in minutes; a share is fine. */
  readonly minutes: number;
  readonly sink: SinkChoice | 'mixed';
  readonly plant: Plant | undefined;
  /** Servers that may be killed and frozen; none also means that no connection is touched. */
  readonly nodes: readonly NodeName[];
  /** Records are of this day and those before it: brokers forget the producers of old ones. Milliseconds since 1970. */
  readonly now: number;
}

export interface Schedule extends ScheduleOptions {
  readonly workload: Workload;
  /** In order of their time. */
  readonly faults: readonly Fault[];
}

/** What the group needs to notice that a member is gone: the shortest the settings allow. */
export const SESSION_MS = 6000;

type Kind = Fault['kind'];

const PROCESS_WEIGHTS: Partial<Record<Kind, number>> = {
  'kill-consumer': 12,
  aimed: 24,
  'freeze-consumer': 10,
  'kill-producer': 8,
  'join-leave': 6,
  'state-disk-full': 4,
};
const SERVER_WEIGHTS: Partial<Record<Kind, number>> = {
  cut: 9,
  'half-open': 9,
  delay: 5,
  'freeze-service': 6,
  'kill-service': 8,
};

/** Where the broker is the only server: it shall live now and then. */
const BROKER_WEIGHTS: typeof SERVER_WEIGHTS = {
  ...{ cut: 3, 'half-open': 3, delay: 3, 'freeze-service': 1, 'kill-service': 1 },
};

/** HiveServer2 needs half a minute to come back: once a minute is enough. */
const HIVE_KILLS_PER_MINUTE = 1;

export function planSchedule(options: ScheduleOptions): Schedule {
  const random = new Random(options.seed);
  const workload = planWorkload(random, sinkOf(options), options.now);
  if (options.plant) return { ...options, ...planPlanted(options, workload, random) };
  const used = servicesOf(workload.sink);
  const nodes = options.nodes.filter((node) => used.includes(serviceOf(node)));
  const serverWeights = used.length > 1 ? SERVER_WEIGHTS : BROKER_WEIGHTS;
  const weights = { ...PROCESS_WEIGHTS, ...(nodes.length > 0 ? serverWeights : {}) };
  const endMs = options.minutes * 60_000;
  const faults: Fault[] = [];
  let hiveKills = Math.ceil(options.minutes * HIVE_KILLS_PER_MINUTE);
  // The first moments belong to the joins, which are worth hitting as well: now and then a fault comes at once.
  for (let atMs = random.int(0, 4000); atMs < endMs; atMs += random.int(700, 5000)) {
    const fault = planFault(random.weighted(weights), atMs, workload, nodes, random);
    if (fault.kind === 'kill-service' && fault.target === 'hive') {
      if (hiveKills === 0) continue;
      hiveKills -= 1;
    }
    faults.push(fault);
  }
  return { ...options, workload, faults };
}

/** Every fourth seed of `mixed` is one of the hdfs-consumer, so that the others stay what they have always been. */
function sinkOf({ seed, sink }: ScheduleOptions): ScheduleOptions['sink'] {
  if (sink !== 'mixed' || seed % 4 !== 0) return sink;
  return seed % 8 === 0 ? 'locations-local' : 'locations-hdfs';
}

/** What the hdfs-consumer does not use is not worth hurting. */
function servicesOf(sink: SinkChoice): readonly Proxied[] {
  if (!isLocations(sink)) return PROXIED;
  return sink === 'locations-local' ? ['kafka'] : ['kafka', 'namenode', 'datanode'];
}

function serviceOf(node: NodeName): Proxied {
  return PROXIED.find((service) => node.startsWith(service)) ?? 'kafka';
}

function planFault(
  kind: Kind,
  atMs: number,
  workload: Workload,
  nodes: readonly NodeName[],
  random: Random,
): Fault {
  const consumer = random.int(0, workload.consumers - 1);
  const frozenMs = random.int(SESSION_MS + 1000, SESSION_MS + 5000);
  const short = random.int(0, 3000);
  switch (kind) {
    case 'kill-producer':
      return { kind, atMs, durationMs: short, target: random.int(0, workload.producers - 1) };
    case 'kill-consumer':
      return { kind, atMs, durationMs: short, target: consumer };
    case 'freeze-consumer':
      return { kind, atMs, durationMs: frozenMs, target: consumer };
    case 'aimed': {
      const how = random.pick(['kill', 'freeze'] as const);
      return aimed(
        atMs,
        consumer,
        random.pick(DELIVERY_STEPS),
        how,
        how === 'kill' ? short : frozenMs,
      );
    }
    case 'join-leave': {
      const everyMs = random.int(3000, 5000);
      return {
        kind,
        atMs,
        durationMs: everyMs * random.int(2, 4),
        target: workload.consumers,
        everyMs,
      };
    }
    case 'state-disk-full':
      return { kind, atMs, durationMs: random.int(1000, 6000), target: consumer };
    case 'kill-service':
    case 'freeze-service':
      return { kind, atMs, durationMs: random.int(0, 8000), target: random.pick(nodes) };
    default:
      return planNetworkFault(kind, atMs, consumer, servicesOf(workload.sink), random);
  }
}

function planNetworkFault(
  kind: 'cut' | 'half-open' | 'delay',
  atMs: number,
  consumer: number,
  services: readonly Proxied[],
  random: Random,
): Fault {
  const one = random.chance(0.7) ? { client: consumer } : {};
  const at = { atMs, target: random.pick(services), ...one };
  if (kind === 'cut') return { ...at, kind, durationMs: random.int(100, 4000) };
  if (kind === 'delay') {
    return { ...at, kind, durationMs: random.int(2000, 8000), delayMs: random.int(5, 400) };
  }
  const direction = random.pick(['to-client', 'to-server', 'both'] as const);
  return { ...at, kind, durationMs: random.int(2000, 12_000), direction };
}

/** Few batches and many faults, where the planted fault can show. */
function planPlanted(
  { plant, minutes, now }: ScheduleOptions,
  planned: Workload,
  random: Random,
): Pick<Schedule, 'workload' | 'faults'> {
  const workload: Workload = {
    ...planned,
    format: 'json',
    // One topic partition and two consumers: whoever does not have it is the one to take over.
    partitions: 1,
    producers: 1,
    consumers: 2,
    store: 'group',
    // A small batch of the first writer and a large one of the second: different ends.
    batch: { size: 400, ageMsMax: 600, idleMsMax: 300 },
    ...daysUntil(now, 1),
    rate: 60,
  };
  const faults: Fault[] = [];
  for (let atMs = 500; atMs < minutes * 60_000; atMs += random.int(500, 1500)) {
    const target = faults.length % workload.consumers;
    if (plant === 'early-advance') faults.push(aimed(atMs, target, 'advanced', 'kill', 0));
    else faults.push(aimed(atMs, target, 'staged', 'freeze', SESSION_MS + random.int(1000, 3500)));
  }
  return { workload, faults };
}

function aimed(
  atMs: number,
  target: number,
  step: DeliveryStep,
  how: 'kill' | 'freeze',
  durationMs: number,
): Fault {
  return { kind: 'aimed', atMs, durationMs, target, step, how };
}
