// A TCP proxy that misbehaves on command: it stands between the clients and one port of a server. Effects may overlap.
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type Deferred, deferred } from '../../../pipeline/retry.ts';
import { freePortNumbers } from '../../../stack/ports.ts';
import type { Address, Rewrite } from './rewrite.ts';

/** The way that bytes go. */
export type Direction = 'to-client' | 'to-server';

/**
 * `cut`: connections are reset and new ones refused. `half-open`: bytes and closings vanish; a side may die and the other one
 * never hears of it. `delay`: every chunk waits so many milliseconds, one after the other, so that long answers take longer.
 * `hold`: a request that holds `text` waits on its way, and what follows it on that connection, until this is over; it arrives
 * then even on a connection that is half-open by now.
 */
export type Effect =
  | { readonly kind: 'cut' }
  | { readonly kind: 'half-open'; readonly direction: Direction | 'both' }
  | { readonly kind: 'delay'; readonly delayMs: number }
  | { readonly kind: 'hold'; readonly text: string };

const PORT_TRIES = 20;

export class TcpProxy {
  readonly #to: Address;
  readonly #links = new Set<readonly [client: Socket, server: Socket]>();
  /** What is imposed, and the end of it. */
  readonly #effects = new Map<Effect, Deferred<void>>();
  readonly #awaited = new Map<Deferred<void>, string>();
  #rewrite: (() => Rewrite) | undefined;
  #server: Server | undefined;
  #port = 0;
  /** Pieces of answers that a half-open connection has lost. */
  answersLost = 0;

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
    const over = deferred<void>();
    this.#effects.set(imposed, over);
    await this.#settle(imposed);
    return async () => {
      this.#effects.delete(imposed);
      over.resolve();
      await this.#settle(imposed);
    };
  }

  /**
   * Resolves when a request that holds `text` is on its way. What is imposed in the same turn does not stop it any more, and
   * comes before its answer.
   */
  sent(text: string): Promise<void> {
    const passed = deferred<void>();
    this.#awaited.set(passed, text);
    return passed.promise;
  }

  /** Resets every connection on the clients' side only; the server hears of it unless that vanishes. */
  resetClients(): void {
    for (const [client] of this.#links) reset(client);
  }

  /** Resets every connection and listens no more. */
  async close(): Promise<void> {
    await this.impose({ kind: 'cut' });
  }

  /** Connections that are open on at least one side. */
  get connections(): number {
    return this.#links.size;
  }

  async #settle(changed: Effect): Promise<void> {
    const isCut = this.#has((effect) => effect.kind === 'cut');
    const hadHoles = changed.kind === 'half-open' && !this.#effects.has(changed);
    if (isCut || hadHoles) for (const link of this.#links) link.forEach(reset);
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
    if (this.#has((effect) => effect.kind === 'cut')) {
      reset(client);
      return;
    }
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
        if (this.#loses(direction)) {
          if (direction === 'to-client') this.answersLost += 1;
          continue;
        }
        if (bytes.length === 0) continue;
        const held = direction === 'to-server' ? this.#onRequest(bytes) : undefined;
        if (held) await held;
        const delayMs = this.#delayMs();
        if (delayMs > 0) await delay(delayMs);
        if (!to.write(bytes)) await once(to, 'drain');
      }
      if (!this.#loses(direction)) to.end();
    } catch {
      if (!this.#loses(direction)) reset(to);
    }
  }

  /** Nothing is awaited unless the request is held, so that it is gone before anybody told of it can act. */
  #onRequest(bytes: Buffer): Promise<unknown> | undefined {
    for (const [passed, text] of this.#awaited) {
      if (bytes.includes(text) && this.#awaited.delete(passed)) passed.resolve();
    }
    const holds = [...this.#effects].filter(
      ([effect]) => effect.kind === 'hold' && bytes.includes(effect.text),
    );
    if (holds.length === 0) return undefined;
    return Promise.all(holds.map(([, over]) => over.promise));
  }

  #loses(direction: Direction): boolean {
    return this.#has(
      (effect) =>
        effect.kind === 'half-open' &&
        (effect.direction === 'both' || effect.direction === direction),
    );
  }

  #delayMs(): number {
    const delays = [...this.#effects.keys()].map((effect) =>
      effect.kind === 'delay' ? effect.delayMs : 0,
    );
    return Math.max(0, ...delays);
  }

  #has(is: (effect: Effect) => boolean): boolean {
    return [...this.#effects.keys()].some(is);
  }
}

/** Node leaves a socket open for good, and spins at its end, when one that has begun to end is reset. */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
