// Stands between a client and one broker. It loses answers: the broker has done what the client never hears of; or puts
// others in their place.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

const PRODUCE = 0;
const OFFSET_FETCH = 9;
const FIND_COORDINATOR = 10;
const COORDINATOR_LOADS = 14;

export class FlakyKafka {
  readonly #server: Server;
  readonly #broker: { readonly host: string; readonly port: number };
  readonly #sockets = new Set<Socket>();
  #lose = 0;
  #loading = 0;
  #breaking = 0;
  /** Answers to produce requests that were thrown away. */
  answersLost = 0;
  /** Answers that said something else than the broker did. */
  answersChanged = 0;

  private constructor(broker: string) {
    const at = broker.lastIndexOf(':');
    this.#broker = { host: broker.slice(0, at), port: Number(broker.slice(at + 1)) };
    this.#server = createServer((client) => this.#join(client));
  }

  static async listen(broker: string): Promise<FlakyKafka> {
    const flaky = new FlakyKafka(broker);
    flaky.#server.listen(0, '127.0.0.1');
    await once(flaky.#server, 'listening');
    return flaky;
  }

  /** Address for the client. */
  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The answers to the next `count` produce requests are thrown away and their connections closed. */
  loseAnswers(count: number): void {
    this.#lose = count;
  }

  /** The next `count` requests for offsets of a group are answered as by a coordinator that still reads them. */
  answerLoading(count: number): void {
    this.#loading = count;
  }

  /** The next `count` connections on which the coordinator is asked for break. */
  breakLookUps(count: number): void {
    this.#breaking = count;
  }

  get lookUpsLeftToBreak(): number {
    return this.#breaking;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #join(client: Socket): void {
    const broker = connect(this.#broker);
    const lost = new Set<number>();
    const loading = new Set<number>();
    for (const socket of [client, broker]) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        client.destroy();
        broker.destroy();
      });
    }
    onFrames(client, (frame) => {
      // Size, api key, api version, correlation id.
      if (frame.readInt16BE(4) === PRODUCE && this.#lose > 0) {
        this.#lose -= 1;
        lost.add(frame.readInt32BE(8));
      }
      if (frame.readInt16BE(4) === OFFSET_FETCH && this.#loading > 0) {
        this.#loading -= 1;
        loading.add(frame.readInt32BE(8));
      }
      if (frame.readInt16BE(4) === FIND_COORDINATOR && this.#breaking > 0) {
        this.#breaking -= 1;
        client.resetAndDestroy();
        return;
      }
      broker.write(frame);
    });
    onFrames(broker, (frame) => {
      // The error of the whole answer stands at its end.
      if (loading.has(frame.readInt32BE(4))) {
        frame.writeInt16BE(COORDINATOR_LOADS, frame.length - 2);
        this.answersChanged += 1;
      }
      if (!lost.has(frame.readInt32BE(4))) return void client.write(this.#redirected(frame));
      this.answersLost += 1;
      client.destroy();
    });
  }

  /** The broker's address inside metadata becomes ours, so that the client comes back here. */
  #redirected(frame: Buffer): Buffer {
    const host = Buffer.from(this.#broker.host);
    const wanted = Buffer.alloc(2 + host.length + 4);
    wanted.writeInt16BE(host.length, 0);
    host.copy(wanted, 2);
    wanted.writeInt32BE(this.#broker.port, 2 + host.length);
    for (let at = frame.indexOf(wanted); at >= 0; at = frame.indexOf(wanted, at + 1)) {
      frame.writeInt32BE(this.#port, at + 2 + host.length);
    }
    return frame;
  }
}

/** Calls `take` with each whole frame: four bytes of size and what they announce. */
function onFrames(socket: Socket, take: (frame: Buffer) => void): void {
  let held = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 4 && held.length >= 4 + held.readInt32BE(0)) {
      const size = 4 + held.readInt32BE(0);
      take(Buffer.from(held.subarray(0, size)));
      held = held.subarray(size);
    }
  });
}
