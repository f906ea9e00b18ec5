// The metrics of a command while it runs: nothing at all without `monitor.metricsPort`.
import type { Params } from '../params/schema.ts';
import type { CommandDeps } from '../pipeline/lifecycle.ts';
import type { ConsumerObserver, ProducerObserver } from '../pipeline/observer.ts';
import type { SettingOption } from './context.ts';

export const METRICS_OPTION: SettingOption = {
  flags: '--metrics-port <port>',
  key: 'monitor.metricsPort',
};

/** One observer that tells all of them; undefined for none. */
export function allOf(all: readonly ConsumerObserver[]): ConsumerObserver | undefined {
  if (all.length < 2) return all[0];
  return {
    assigned: (...told) => {
      for (const each of all) each.assigned(...told);
    },
    read: (...told) => {
      for (const each of all) each.read(...told);
    },
    placed: (...told) => {
      for (const each of all) each.placed(...told);
    },
    retried: (...told) => {
      for (const each of all) each.retried(...told);
    },
  };
}

/** Runs `run` with an observer that feeds the metrics of a consumer. Throws CONFIG_INVALID when the port is taken. */
export function withConsumerMetrics<T>(
  params: Params,
  deps: CommandDeps,
  run: (observer: ConsumerObserver | undefined) => Promise<T>,
): Promise<T> {
  return serving(params, deps, run, async (registry) => {
    const { ConsumerMetrics } = await import('../monitor/consumer-metrics.ts');
    return new ConsumerMetrics(registry, deps.clock);
  });
}

/** The same for the producer. */
export function withProducerMetrics<T>(
  params: Params,
  deps: CommandDeps,
  run: (observer: ProducerObserver | undefined) => Promise<T>,
): Promise<T> {
  return serving(params, deps, run, async (registry) => {
    const { ProducerMetrics } = await import('../monitor/producer-metrics.ts');
    return new ProducerMetrics(registry, deps.clock);
  });
}

type Registered = import('../monitor/metrics.ts').ProcessMetrics['registry'];

/** The library is loaded only where metrics are wanted: it would cost every other start time and memory. */
async function serving<O, T>(
  { monitor: { metricsPort } }: Params,
  { log }: CommandDeps,
  run: (observer: O | undefined) => Promise<T>,
  observe: (registry: Registered) => Promise<O>,
): Promise<T> {
  if (metricsPort === undefined) return run(undefined);
  const { createMetrics } = await import('../monitor/metrics.ts');
  const { MetricsEndpoint } = await import('../monitor/endpoint.ts');
  const metrics = createMetrics();
  const observer = await observe(metrics.registry);
  const endpoint = await MetricsEndpoint.open(metricsPort, metrics);
  log.info('serving metrics', { url: endpoint.url });
  try {
    return await run(observer);
  } finally {
    await endpoint.close();
  }
}
