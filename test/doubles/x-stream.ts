// One connection to the filtered stream of the X double: posts a line each, and the faults between them.
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { MadePost } from './posts.ts';

export const STREAM_FAULTS = [
  'drop',
  'goodbye',
  'stall',
  'duplicates',
  'out-of-order',
  'split',
  'garbage',
  'error-line',
] as const;
export type StreamFault = (typeof STREAM_FAULTS)[number];

/** How a connection ends after its posts; `hold` keeps it alive. */
export type Ending = 'close' | 'goodbye' | 'stall' | 'cut' | 'hold';

export interface StreamPart {
  /** Number of the first post. */
  readonly from: number;
  /** Of the first one not sent; may be infinite. */
  readonly to: number;
  readonly ending: Ending;
  readonly post: (index: number) => MadePost | undefined;
  /** How many posts are out by now. */
  readonly out: () => number;
  readonly rules: readonly { readonly id: string; readonly tag: string | undefined }[];
  /** Writes in pieces of this many bytes, so that characters are cut. */
  readonly pieceBytes: number | undefined;
  readonly keepAliveMs: number;
  /** After how many posts a line with `errors` and no post is sent. */
  readonly errorLineAfter: number | undefined;
  readonly midway: () => StreamFault | undefined;
}

const BLOCK_CHARS = 30_000;
const REPEATED = 30;
const PIECE_BYTES = 61;
const SPLIT_POSTS = 40;
/** So much of a post is left that is cut off. */
const CUT_CHARS = 60;

export async function serveStream(response: ServerResponse, part: StreamPart): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' });
  const line = lineOf(part);
  const writer = new PieceWriter(response, part.pieceBytes);
  await writer.write('\r\n');
  let block = '';
  let index = part.from;
  while (writer.isOpen && index < part.to) {
    const isIdle = index >= part.out();
    if (block.length >= BLOCK_CHARS || (isIdle && block !== '')) {
      await writer.write(block);
      block = '';
    } else if (isIdle) {
      if (part.ending !== 'hold' && part.post(index) === undefined) break;
      await delay(5);
      const isQuiet = writer.silentMs >= part.keepAliveMs && index >= part.out();
      if (isQuiet) await writer.write('\r\n');
    } else {
      const fault = part.midway();
      if (fault !== undefined) await writer.write(block);
      if (fault !== undefined) block = '';
      if (fault === 'drop' || fault === 'goodbye' || fault === 'stall') {
        return end(writer, fault === 'drop' ? 'cut' : fault);
      }
      const swaps = fault === 'out-of-order' && index + 1 < Math.min(part.out(), part.to);
      const repeats = fault === 'duplicates' ? Math.min(index, REPEATED) : 0;
      for (let back = repeats; back > 0; back -= 1) block += line(index - back);
      if (fault === 'garbage') block += `${line(index).slice(0, CUT_CHARS)}\r\n`;
      else block += swaps ? line(index + 1) + line(index) : line(index);
      if (fault === 'split') writer.splitFor(SPLIT_POSTS);
      if (fault === 'error-line' || index - part.from + 1 === part.errorLineAfter) {
        block += errorLine('Some Error', 'a message to read');
      }
      index += swaps ? 2 : 1;
    }
  }
  await writer.write(block);
  return end(writer, part.ending);
}

/** Says goodbye as X does, and hangs up. */
export async function sayGoodbye(response: ServerResponse, detail: string): Promise<void> {
  const more = { disconnect_type: 'UpstreamOperationalDisconnect' };
  response.end(errorLine('operational-disconnect', detail, more));
}

function lineOf(part: StreamPart): (index: number) => string {
  const matching_rules = part.rules.map(({ id, tag }) => ({ id, tag }));
  return (index) => `${JSON.stringify({ ...part.post(index)?.payload, matching_rules })}\r\n`;
}

async function end(writer: PieceWriter, ending: Ending): Promise<void> {
  const { response } = writer;
  if (ending === 'cut') response.destroy();
  if (ending === 'close') response.end();
  if (ending === 'goodbye') await sayGoodbye(response, 'reconnect please');
}

function errorLine(title: string, detail: string, more: Record<string, unknown> = {}): string {
  const type = 'https://api.twitter.com/2/problems/operational-disconnect';
  return `${JSON.stringify({ errors: [{ title, detail, type, ...more }] })}\r\n`;
}

/** Writes whole or in pieces, and waits for who reads slowly. */
class PieceWriter {
  readonly response: ServerResponse;
  readonly #pieceBytes: number | undefined;
  #splitWrites = 0;
  #wroteAt = performance.now();

  constructor(response: ServerResponse, pieceBytes: number | undefined) {
    this.response = response;
    this.#pieceBytes = pieceBytes;
  }

  get isOpen(): boolean {
    return !this.response.destroyed && !this.response.writableEnded;
  }

  get silentMs(): number {
    return performance.now() - this.#wroteAt;
  }

  splitFor(writes: number): void {
    this.#splitWrites = writes;
  }

  async write(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    const isSplit = this.#splitWrites > 0;
    this.#splitWrites -= 1;
    const step = isSplit ? PIECE_BYTES : (this.#pieceBytes ?? bytes.length);
    for (let at = 0; at < bytes.length && this.isOpen; at += step) {
      const isFree = this.response.write(bytes.subarray(at, at + step));
      // Let the piece out alone: joined again by the socket, no character would be cut.
      if (step < bytes.length) await new Promise((resolve) => setImmediate(resolve));
      if (!isFree) await drained(this.response);
    }
    this.#wroteAt = performance.now();
  }
}

/** Resolves when the response takes more, or is closed. */
async function drained(response: ServerResponse): Promise<void> {
  const closed = new AbortController();
  const onClose = () => closed.abort();
  response.once('close', onClose);
  await once(response, 'drain', { signal: closed.signal }).catch(() => undefined);
  response.off('close', onClose);
}
