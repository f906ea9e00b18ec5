// The metrics of one process: a registry in the text format of Prometheus, with what Node says of itself (memory, event loop).
import { collectDefaultMetrics, Registry } from 'prom-client';

/** Begins the name of every metric of ours. */
export const PREFIX = 'kafka_hive_';

/** Bounds in seconds for what takes milliseconds to minutes. */
export const SECONDS_BUCKETS = [
  0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
] as const;

export interface ProcessMetrics {
  readonly registry: Registry;
  /** Content type and text of all metrics, now. */
  scrape(): Promise<{ readonly type: string; readonly text: string }>;
}

/** A fresh registry. Several may stand side by side in one process. */
export function createMetrics(): ProcessMetrics {
  const all = new Registry();
  collectDefaultMetrics({ register: all });
  return {
    registry: all,
    scrape: async () => ({ type: all.contentType, text: await all.metrics() }),
  };
}
