// What the producer tells, as metrics: records sent, and on which topic partition it is, for how long.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Clock } from '../pipeline/clock.ts';
import type { PipelineError } from '../pipeline/errors.ts';
import type { ProducerObserver } from '../pipeline/observer.ts';
import { PREFIX, SECONDS_BUCKETS } from './metrics.ts';

/** Registers its metrics in `registry`. The partition's gauges have no value where records do not go by time. */
export class ProducerMetrics implements ProducerObserver {
  readonly #clock: Clock;
  readonly #sent;
  readonly #send;
  readonly #retries;
  readonly #switches;
  #on: { readonly partition: number; readonly since: number } | undefined;

  constructor(registry: Registry, clock: Clock) {
    this.#clock = clock;
    const registers = [registry];
    this.#sent = new Counter({
      name: `${PREFIX}records_sent_total`,
      help: 'Records all in-sync replicas acknowledged',
      labelNames: ['topic', 'partition'],
      registers,
    });
    this.#send = new Histogram({
      name: `${PREFIX}send_seconds`,
      help: 'From the first attempt at a send to its acknowledgement',
      buckets: [...SECONDS_BUCKETS],
      registers,
    });
    this.#retries = new Counter({
      name: `${PREFIX}retries_total`,
      help: 'Steps tried again',
      labelNames: ['step', 'code'],
      registers,
    });
    this.#switches = new Counter({
      name: `${PREFIX}producer_partition_switches_total`,
      help: 'Switches to the next topic partition since the start',
      registers,
    });
    this.#registerPartition(registry);
  }

  sent(topic: string, byPartition: ReadonlyMap<number, number>, ms: number): void {
    for (const [partition, records] of byPartition) this.#sent.inc({ topic, partition }, records);
    this.#send.observe(ms / 1000);
  }

  retried({ code }: PipelineError): void {
    this.#retries.inc({ step: 'sending', code });
  }

  onPartition(partition: number, spentMs: number): void {
    if (this.#on) this.#switches.inc();
    this.#on = { partition, since: this.#clock.monotonic() - spentMs };
  }

  #registerPartition(registry: Registry): void {
    const on = () => this.#on;
    const clock = this.#clock;
    new Gauge({
      name: `${PREFIX}producer_partition`,
      help: 'Topic partition records go to now',
      registers: [registry],
      collect() {
        const now = on();
        if (now) this.set(now.partition);
        else this.remove();
      },
    });
    new Gauge({
      name: `${PREFIX}producer_partition_seconds`,
      help: 'Time spent on that topic partition, earlier runs included',
      registers: [registry],
      collect() {
        const now = on();
        if (now) this.set((clock.monotonic() - now.since) / 1000);
        else this.remove();
      },
    });
  }
}
