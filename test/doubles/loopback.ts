// An HTTP server on loopback whose connections are all known, so that they can be counted and cut.
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A stand-in for a service: started by tests, or by hand with main.ts. */
export interface Double {
  /** What it can do wrong, by name. */
  readonly faultNames: readonly string[];
  /** Does it as soon as it can, once. Throws for an unknown name. */
  misbehave(fault: string): void;
  /** Resolves with the base address; `port` 0 or undefined: a free one. */
  listen(port?: number): Promise<string>;
  close(): Promise<void>;
}

export class LoopbackServer {
  readonly server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(listener?: RequestListener) {
    this.server = createServer(listener);
    this.server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  /** Resolves with `host:port`. */
  async listen(port = 0): Promise<string> {
    this.server.listen(port, '127.0.0.1');
    await once(this.server, 'listening');
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }
}
