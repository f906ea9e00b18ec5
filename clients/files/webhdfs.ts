// HDFS over WebHDFS as a FileSystem. The NameNode answers names and sizes; bytes go to the DataNode it points to. The
// address it gives for that may carry a token, so it never appears in a message.
import { stat } from 'node:fs/promises';
import { describe, PipelineError } from '../../pipeline/errors.ts';
import {
  type ByteRange,
  bytesIn,
  type DirectoryEntry,
  type FileBody,
  type FileStatus,
  type FileSystem,
  type RenameOutcome,
} from './file-system.ts';
import { type Answer, type Exchange, ExchangeFailure, exchange } from './http-exchange.ts';
import { NameNodes, type WebHdfsSettings } from './name-nodes.ts';
import { answerError, failureError, jsonOf, remoteException } from './webhdfs-errors.ts';

export type { WebHdfsSettings } from './name-nodes.ts';

type Json = Record<string, unknown>;

function statusOf(json: Json): FileStatus {
  const directory = json['type'] === 'DIRECTORY';
  return { type: directory ? 'directory' : 'file', bytes: directory ? 0 : Number(json['length']) };
}

async function lengthOf(body: FileBody): Promise<number> {
  if (!('file' in body)) return Buffer.isBuffer(body) ? body.length : bytesIn(body);
  try {
    return (await stat(body.file)).size;
  } catch (error) {
    throw new PipelineError('FILES_REJECTED', `cannot read ${body.file}: ${describe(error)}`, {
      hint: 'A temporary file was removed while it was in use; check what cleans that directory.',
      cause: error,
    });
  }
}

/** `source-missing`: it was moved before, by whomever. `target-missing`: nothing to add to, and nothing changed. */
export type ConcatOutcome = 'moved' | 'target-missing' | 'source-missing';

export class WebHdfs implements FileSystem {
  readonly #settings: WebHdfsSettings;
  readonly #nameNodes: NameNodes;

  /** Connects to nothing yet. Throws CONFIG_UNREADABLE when a certificate file cannot be read. */
  constructor(settings: WebHdfsSettings) {
    this.#settings = settings;
    this.#nameNodes = new NameNodes(settings);
  }

  /** Requests sent so far, by WebHDFS operation; CREATE and OPEN count the NameNode's and the DataNode's. */
  get requests(): Readonly<Record<string, number>> {
    return this.#nameNodes.requests;
  }

  async create(path: string, body: FileBody, signal: AbortSignal): Promise<void> {
    const what = `cannot write ${path} to HDFS`;
    const { replication } = this.#settings;
    const bytes = await lengthOf(body);
    const answer = await this.#throughDataNode(what, 'PUT', path, signal, {
      op: 'CREATE',
      parameters: { overwrite: 'false', ...(replication && { replication: `${replication}` }) },
      body: { source: body, bytes },
    });
    // A DataNode (of Hadoop 3) says so when every byte that was declared has arrived and the file is closed. A body that was
    // cut on its way leaves a closed, short file, and no such answer.
    if (answer.status === 201) return;
    if (remoteException(answer)?.exception !== 'FileNotFoundException') {
      throw answerError(what, 'the DataNode', answer);
    }
    throw new PipelineError('HDFS_UNAVAILABLE', `${what}: its directory is gone`, {
      hint: 'Another process has removed it, as a writer does that was first. It is written again under another name.',
      context: { path },
    });
  }

  async renameNoReplace(from: string, to: string, signal: AbortSignal): Promise<RenameOutcome> {
    const outcome = await this.#rename(from, to, signal);
    if (outcome !== 'source-missing') return outcome;
    // HDFS says FileNotFound for a missing source and for a missing directory of the target alike.
    if ((await this.status(from, signal)) === undefined) return 'source-missing';
    await this.makeDirectory(to.slice(0, to.lastIndexOf('/')) || '/', signal);
    return this.#rename(from, to, signal);
  }

  async #rename(from: string, to: string, signal: AbortSignal): Promise<RenameOutcome> {
    const what = `cannot move ${from} to ${to} on HDFS`;
    const parameters = { destination: to, renameoptions: 'NONE' };
    const { host, answer } = await this.#nameNodes
      .ask(what, 'PUT', 'RENAME', from, parameters, signal)
      .catch((error) => {
        throw outcomeUnknown(what, error);
      });
    if (answer.status === 200) {
      if (answer.body.length === 0) return 'moved';
      throw new PipelineError(
        'HDFS_REJECTED',
        `${what}: ${host} does not know renameoptions, so it cannot refuse to replace a file`,
        {
          hint: 'HttpFS is of that kind. Put the WebHDFS address of a NameNode into hdfs.nameNodes.',
        },
      );
    }
    const exception = remoteException(answer)?.exception;
    if (exception === 'FileAlreadyExistsException') return 'target-exists';
    if (exception === 'FileNotFoundException') return 'source-missing';
    throw answerError(what, host, answer);
  }

  /**
   * Moves the whole content of `from` to the end of `to`, a file in the same directory, in one step: readers see all of it or
   * nothing. `from` is gone then, so it happens once and may be repeated.
   */
  async concat(from: string, to: string, signal: AbortSignal): Promise<ConcatOutcome> {
    const what = `cannot add ${from} to ${to} on HDFS`;
    const { host, answer } = await this.#nameNodes
      .ask(what, 'POST', 'CONCAT', to, { sources: from }, signal)
      .catch((error) => {
        throw outcomeUnknown(what, error);
      });
    if (answer.status === 200) return 'moved';
    if (remoteException(answer)?.exception !== 'FileNotFoundException') {
      throw answerError(what, host, answer);
    }
    // HDFS says the same for a missing source and for a missing target.
    return (await this.status(from, signal)) === undefined ? 'source-missing' : 'target-missing';
  }

  async read(path: string, signal: AbortSignal, range?: ByteRange): Promise<Buffer | undefined> {
    const what = `cannot read ${path} from HDFS`;
    const parameters: Record<string, string> = range
      ? { offset: String(range.offset), length: String(range.bytes) }
      : {};
    const ask = { op: 'OPEN', parameters };
    const answer = await this.#throughDataNode(what, 'GET', path, signal, ask);
    if (answer.status === 200) return answer.body;
    if (remoteException(answer)?.exception === 'FileNotFoundException') return undefined;
    throw answerError(what, 'the DataNode', answer);
  }

  async status(path: string, signal: AbortSignal): Promise<FileStatus | undefined> {
    const json = await this.#json('GET', 'GETFILESTATUS', path, signal, 'look at');
    return json && statusOf(json['FileStatus'] as Json);
  }

  async list(path: string, signal: AbortSignal): Promise<DirectoryEntry[] | undefined> {
    const json = await this.#json('GET', 'LISTSTATUS', path, signal, 'list');
    if (!json) return undefined;
    const found = (json['FileStatuses'] as Json)['FileStatus'] as Json[];
    return found.map((entry) => ({ name: String(entry['pathSuffix']), ...statusOf(entry) }));
  }

  async makeDirectory(path: string, signal: AbortSignal): Promise<void> {
    await this.#json('PUT', 'MKDIRS', path, signal, 'make the directory');
  }

  async remove(path: string, signal: AbortSignal): Promise<void> {
    await this.#json('DELETE', 'DELETE', path, signal, 'remove', { recursive: 'true' });
  }

  close(): void {
    this.#nameNodes.close();
  }

  /** An operation the NameNode answers with JSON; undefined for FileNotFound. */
  async #json(
    method: Exchange['method'],
    op: string,
    path: string,
    signal: AbortSignal,
    doing: string,
    parameters: Record<string, string> = {},
  ): Promise<Json | undefined> {
    const what = `cannot ${doing} ${path} on HDFS`;
    const { host, answer } = await this.#nameNodes.ask(what, method, op, path, parameters, signal);
    const json = answer.status === 200 ? jsonOf(answer) : undefined;
    if (json) return json;
    if (remoteException(answer)?.exception === 'FileNotFoundException') return undefined;
    throw answerError(what, host, answer);
  }

  /** The two steps of CREATE and OPEN. A refusal of the NameNode is returned like one of the DataNode. */
  async #throughDataNode(
    what: string,
    method: Exchange['method'],
    path: string,
    signal: AbortSignal,
    ask: { op: string; parameters?: Record<string, string>; body?: Exchange['body'] },
  ): Promise<Answer> {
    const parameters = { ...ask.parameters, noredirect: 'true' };
    const { answer, host } = await this.#nameNodes.ask(
      what,
      method,
      ask.op,
      path,
      parameters,
      signal,
    );
    const location = answer.status === 307 ? answer.headers.location : jsonOf(answer)?.['Location'];
    if (typeof location !== 'string') {
      if (remoteException(answer)?.exception === 'FileNotFoundException') return answer;
      throw answerError(what, host, answer);
    }
    const url = new URL(location);
    this.#nameNodes.refuseDowngrade(what, url);
    this.#nameNodes.count(ask.op);
    try {
      return await exchange({
        method,
        url,
        body: ask.body,
        tls: this.#nameNodes.tls,
        silenceMsMax: this.#settings.requestTimeoutMs,
        signal,
      });
    } catch (error) {
      if (error instanceof ExchangeFailure) throw failureError(what, 'DataNode', error);
      throw error;
    }
  }
}

/** A rename or concat that was sent and not answered may have happened, and may still happen. */
function outcomeUnknown(what: string, error: unknown): unknown {
  const sent =
    error instanceof PipelineError &&
    error.cause instanceof ExchangeFailure &&
    !error.cause.neverSent;
  if (!sent) return error;
  return new PipelineError('SINK_OUTCOME_UNKNOWN', `${what}: sent, but not answered`, {
    hint: 'It is repeated; a move that happened is found and not done again.',
    context: error.context,
    cause: error,
  });
}
