// What an answer of WebHDFS means. Nearly every failure comes as HTTP 403, so it is judged by the exception it names;
// answers that name none (a proxy, HttpFS, a wrong port) by their status.
import { PipelineError } from '../../pipeline/errors.ts';
import type { Answer, ExchangeFailure } from './http-exchange.ts';

export interface RemoteException {
  readonly exception: string;
  readonly message: string;
}

/** Exceptions that no repeat cures. Any other may go away: a NameNode that starts, a DataNode that is lost. */
const FINAL: ReadonlySet<string> = new Set([
  'AccessControlException',
  'AuthorizationException',
  'ClusterStorageCapacityExceededException',
  'DSQuotaExceededException',
  'FileAlreadyExistsException',
  'FileNotFoundException',
  'HadoopIllegalArgumentException',
  'IllegalArgumentException',
  'InvalidPathException',
  'InvalidToken',
  'MaxDirectoryItemsExceededException',
  'NSQuotaExceededException',
  'ParentNotDirectoryException',
  'PathComponentTooLongException',
  'PathIsNotDirectoryException',
  'PathIsNotEmptyDirectoryException',
  'QuotaByStorageTypeExceededException',
  'QuotaExceededException',
  'SecurityException',
  'UnresolvedPathException',
  'UnsupportedOperationException',
]);

/** The JSON object of an answer, undefined when it holds none (HTML, nothing). */
export function jsonOf(answer: Answer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(answer.body.toString('utf8'));
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** The first line of what Hadoop says, at most 300 characters: the rest is a stack trace. */
function firstLine(text: string): string {
  const line = text.split('\n', 1)[0] ?? '';
  return line.length > 300 ? `${line.slice(0, 300)}...` : line;
}

/** The exception an answer names, undefined when it is no RemoteException. */
export function remoteException(answer: Answer): RemoteException | undefined {
  const inner = jsonOf(answer)?.['RemoteException'];
  if (typeof inner !== 'object' || inner === null) return undefined;
  const { exception, message } = inner as { exception?: unknown; message?: unknown };
  return { exception: String(exception), message: firstLine(String(message ?? '')) };
}

function hintFor(exception: string): string {
  if (exception === 'AccessControlException' || exception === 'AuthorizationException') {
    return 'Give this user the right on HDFS, or set hdfs.user in config.json to one that has it.';
  }
  if (exception.includes('Quota') || exception.includes('Capacity')) {
    return 'Raise the quota of the directory, or remove files from it.';
  }
  if (exception === 'SafeModeException') {
    return 'The NameNode leaves safe mode once enough DataNodes have reported; look at its page.';
  }
  return 'Look into the log of the NameNode or DataNode for the reason.';
}

/** The error for an answer that is no success. `what` says what was asked for, on which path. */
export function answerError(what: string, host: string, answer: Answer): PipelineError {
  const context = { host, status: answer.status };
  const remote = remoteException(answer);
  if (remote) {
    const { exception, message } = remote;
    return new PipelineError(
      FINAL.has(exception) ? 'HDFS_REJECTED' : 'HDFS_UNAVAILABLE',
      `${what}: ${host} answered ${exception}: ${message}`,
      { hint: hintFor(exception), context: { ...context, exception } },
    );
  }
  if (answer.status === 401) {
    return new PipelineError(
      'HDFS_REJECTED',
      `${what}: ${host} wants a login (HTTP 401), which this client does not have`,
      {
        hint: 'Is the cluster secured by Kerberos? Only simple authentication works yet.',
        context,
      },
    );
  }
  const broken = answer.status >= 500 || answer.status === 429 || answer.status === 408;
  return new PipelineError(
    broken ? 'HDFS_UNAVAILABLE' : 'HDFS_REJECTED',
    `${what}: ${host} answered HTTP ${answer.status}, and not as WebHDFS does`,
    {
      hint: 'hdfs.nameNodes must name the http address of a NameNode (port 9870 by default) with dfs.webhdfs.enabled.',
      context,
    },
  );
}

/** The error for a request that got no answer. `role` is NameNode or DataNode. */
export function failureError(
  what: string,
  role: 'NameNode' | 'DataNode',
  failure: ExchangeFailure,
): PipelineError {
  const context = { host: failure.host, errno: failure.errno };
  const message = `${what}: ${role} ${failure.message}`;
  if (/CERT|TLS|SSL|SIGNATURE|EPROTO/.test(failure.errno)) {
    return new PipelineError('HDFS_REJECTED', message, {
      hint: 'Set hdfs.tls.ca to the authority that signed the certificate, and hdfs.tls.serverName to the name in it if that differs from the host.',
      context,
      cause: failure,
    });
  }
  if (failure.errno === 'EFBIG') {
    return new PipelineError('HDFS_REJECTED', message, { context, cause: failure });
  }
  return new PipelineError('HDFS_UNAVAILABLE', message, {
    hint:
      role === 'NameNode'
        ? 'Check that HDFS runs and that hdfs.nameNodes in config.json is right.'
        : 'Check that the DataNode runs and that this machine reaches it under the host name the NameNode gives out.',
    context,
    cause: failure,
  });
}
