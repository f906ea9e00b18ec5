// Serves the metrics of this process on loopback: /metrics for Prometheus, /livez for whoever asks whether it runs.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PipelineError } from '../pipeline/errors.ts';
import type { ProcessMetrics } from './metrics.ts';

/** Metrics name topics and locations, so they are not for the network. */
const HOST = '127.0.0.1';

export class MetricsEndpoint {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Listens on `port` of 127.0.0.1; 0 takes a free one. Throws CONFIG_INVALID when that cannot be had. */
  static async open(port: number, metrics: ProcessMetrics): Promise<MetricsEndpoint> {
    const server = createServer((request, response) => {
      const path = request.method === 'GET' ? request.url?.split('?')[0] : undefined;
      if (path === '/livez') response.end('ok\n');
      else if (path === '/metrics') {
        metrics.scrape().then(
          ({ type, text }) => response.setHeader('Content-Type', type).end(text),
          () => response.writeHead(500).end(),
        );
      } else response.writeHead(404).end();
    });
    server.listen(port, HOST);
    try {
      await once(server, 'listening');
    } catch (cause) {
      const { code = 'unknown reason' } = cause as NodeJS.ErrnoException;
      throw new PipelineError('CONFIG_INVALID', `no metrics on ${HOST}:${port}: ${code}`, {
        hint: 'Give monitor.metricsPort (--metrics-port) a port nobody uses; 0 takes a free one.',
        context: { port },
        cause,
      });
    }
    return new MetricsEndpoint(server);
  }

  get url(): string {
    return `http://${HOST}:${(this.#server.address() as AddressInfo).port}/metrics`;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
