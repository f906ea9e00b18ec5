// The live stream of a hashtag: server-sent events over one long answer. It cannot resume; the timeline fills what it missed.
import { createParser } from 'eventsource-parser';
import { PipelineError } from '../../pipeline/errors.ts';
import { withTimeout } from '../../pipeline/retry.ts';
import { jsonOf } from '../http/body.ts';
import { ask, causeOf, hostOf, type MastodonAccess, unavailable } from './request.ts';
import { type Status, statusIn } from './status.ts';

/** Longest event; a status is a few kB. */
const EVENT_CHARS_MAX = 16 * 1024 * 1024;

export class HashtagStream {
  readonly #access: MastodonAccess;
  readonly #name: string;
  readonly #connection: AbortController;
  readonly #body: ReadableStreamDefaultReader<Uint8Array>;

  private constructor(
    access: MastodonAccess,
    name: string,
    connection: AbortController,
    body: ReadableStreamDefaultReader<Uint8Array>,
  ) {
    this.#access = access;
    this.#name = name;
    this.#connection = connection;
    this.#body = body;
  }

  /** Resolves when the server sends from now on. Close it. Throws SOURCE_REJECTED or SOURCE_UNAVAILABLE. */
  static async open(
    access: MastodonAccess,
    tag: string,
    signal: AbortSignal,
  ): Promise<HashtagStream> {
    const name = `the stream of #${tag} of ${hostOf(access.server)}`;
    const path = `/api/v1/streaming/hashtag?tag=${encodeURIComponent(tag)}`;
    const { answerMs } = access.limits;
    const late = () => unavailable(`cannot open ${name}: no answer in ${answerMs / 1000} s`);
    const connection = new AbortController();
    const asking = ask(access, path, `open ${name}`, connection.signal);
    try {
      const answer = await withTimeout(asking, answerMs, late, signal);
      if (!answer.body) throw unavailable(`cannot read ${name}: the answer has no body`);
      return new HashtagStream(access, name, connection, answer.body.getReader());
    } catch (error) {
      connection.abort(error);
      throw error;
    }
  }

  /**
   * Yields what comes, as many statuses at a time as have come, oldest first; nothing at a heartbeat: the stream is alive.
   * Changed and deleted statuses are left out. Ends by throwing SOURCE_UNAVAILABLE; returns only when `signal` aborts.
   */
  async *statuses(
    signal: AbortSignal,
    onMalformed: () => void,
  ): AsyncGenerator<readonly Status[], void, void> {
    let came: Status[] = [];
    const parser = createParser({
      maxBufferSize: EVENT_CHARS_MAX,
      onEvent: ({ event, data }) => {
        if (event !== 'update') return;
        const status = statusIn(jsonOf(data));
        if (status) came.push(status);
        else onMalformed();
      },
    });
    // A character may be cut by the border of two chunks.
    const decoder = new TextDecoder();
    for (;;) {
      const chunk = await this.#next(signal);
      if (!chunk) return;
      came = [];
      feed(parser.feed, decoder.decode(chunk, { stream: true }), this.#name);
      yield came;
    }
  }

  close(): void {
    this.#connection.abort(new Error('closed'));
  }

  async #next(signal: AbortSignal): Promise<Uint8Array | undefined> {
    const { stallMs } = this.#access.limits;
    const silent = () => unavailable(`${this.#name} was silent for ${stallMs / 1000} s`);
    try {
      const { done, value } = await withTimeout(this.#body.read(), stallMs, silent, signal);
      if (done) throw unavailable(`the server ended ${this.#name}`);
      return value;
    } catch (error) {
      if (signal.aborted) return undefined;
      if (error instanceof PipelineError) throw error;
      throw unavailable(`${this.#name} broke: ${causeOf(error)}`);
    }
  }
}

function feed(parse: (text: string) => void, text: string, name: string): void {
  try {
    parse(text);
  } catch (error) {
    throw unavailable(`cannot read ${name}: ${causeOf(error)}`);
  }
}
