// A TCP proxy that misbehaves on command: it stands between the clients and one port of a server. Effects may overlap.
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { freePortNumbers } from '../../../stack/ports.ts';
import type { Address, Rewrite } from './rewrite.ts';

/** The way that bytes go. */
export type Direction = 'to-client' | 'to-server';

/**
 * `cut`: connections are reset and new ones refused. `half-open`: bytes and closings vanish; a side may die and the other one
 * never hears of it. `delay`: every chunk waits so many milliseconds, one after the other, so that long answers take longer.
 */
export type Effect =
  | { readonly kind: 'cut' }
  | { readonly kind: 'half-open'; readonly direction: Direction | 'both' }
  | { readonly kind: 'delay'; readonly delayMs: number };

const PORT_TRIES = 20;

export class TcpProxy {
  readonly #to: Address;
  readonly #links = new Set<readonly [client: Socket, server: Socket]>();
  readonly #effects = new Set<Effect>();
  #rewrite: (() => Rewrite) | undefined;
  #server: Server | undefined;
  #port = 0;

  private constructor(to: Address) {
    this.#to = to;
  }

  /** Listens on a free port of 127.0.0.1. The server need not be there yet. */
  static async listen(to: Address): Promise<TcpProxy> {
    const proxy = new TcpProxy(to);
    for (let tries = 1; ; tries += 1) {
      // Not one that the system hands out for outgoing connections: while it is refused, a client could be given it.
      [proxy.#port = 0] = await freePortNumbers(1);
      try {
        await proxy.#open();
        return proxy;
      } catch (error) {
        if (tries === PORT_TRIES) throw error;
      }
    }
  }

  get port(): number {
    return this.#port;
  }

  /** What becomes of the server's answers on new connections; called once for each of them. */
  rewriteAnswers(rewrite: () => Rewrite): void {
    this.#rewrite = rewrite;
  }

  /** Misbehaves until the returned function is called; that resets connections on which bytes have vanished. */
  async impose(effect: Effect): Promise<() => Promise<void>> {
    // A copy: the same effect may be imposed twice.
    const imposed = { ...effect };
    this.#effects.add(imposed);
    await this.#settle(imposed);
    return async () => {
      this.#effects.delete(imposed);
      await this.#settle(imposed);
    };
  }

  /** Resets every connection and listens no more. */
  async close(): Promise<void> {
    this.#effects.add({ kind: 'cut' });
    await this.#settle({ kind: 'cut' });
  }

  /** Connections that are open on at least one side. */
  get connections(): number {
    return this.#links.size;
  }

  async #settle(changed: Effect): Promise<void> {
    const isCut = this.#has((effect) => effect.kind === 'cut');
    const hadHoles = changed.kind === 'half-open' && !this.#effects.has(changed);
    if (isCut || hadHoles) for (const link of this.#links) reset(...link);
    if (isCut) {
      this.#server?.close();
      this.#server = undefined;
    } else if (this.#server === undefined) {
      await this.#open();
    }
  }

  async #open(): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) =>
      this.#join(client),
    );
    this.#server = server;
    server.listen({ host: '127.0.0.1', port: this.#port, exclusive: true });
    await once(server, 'listening');
  }

  #join(client: Socket): void {
    // Accepted just before the listening ended.
    if (this.#has((effect) => effect.kind === 'cut')) return void client.resetAndDestroy();
    const server = connect({ ...this.#to, allowHalfOpen: true, noDelay: true });
    const link = [client, server] as const;
    this.#links.add(link);
    for (const socket of link) {
      socket.on('error', () => {});
      socket.on('close', () => {
        if (client.destroyed && server.destroyed) this.#links.delete(link);
      });
    }
    void this.#pump(client, server, 'to-server', (chunk) => chunk);
    void this.#pump(server, client, 'to-client', this.#rewrite?.() ?? ((chunk) => chunk));
  }

  async #pump(from: Socket, to: Socket, direction: Direction, rewrite: Rewrite): Promise<void> {
    try {
      for await (const chunk of from.iterator({ destroyOnReturn: false })) {
        const bytes = rewrite(chunk);
        const delayMs = this.#delayMs();
        if (delayMs > 0) await delay(delayMs);
        if (this.#loses(direction) || bytes.length === 0) continue;
        if (!to.write(bytes)) await once(to, 'drain');
      }
      if (!this.#loses(direction)) to.end();
    } catch {
      if (!this.#loses(direction)) to.resetAndDestroy();
    }
  }

  #loses(direction: Direction): boolean {
    return this.#has(
      (effect) =>
        effect.kind === 'half-open' &&
        (effect.direction === 'both' || effect.direction === direction),
    );
  }

  #delayMs(): number {
    const delays = [...this.#effects].map((effect) =>
      effect.kind === 'delay' ? effect.delayMs : 0,
    );
    return Math.max(0, ...delays);
  }

  #has(is: (effect: Effect) => boolean): boolean {
    return [...this.#effects].some(is);
  }
}

function reset(client: Socket, server: Socket): void {
  client.resetAndDestroy();
  server.resetAndDestroy();
}
