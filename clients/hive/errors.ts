// Turns whatever the driver, thrift, a socket or HiveServer2 throws into a PipelineError. Nothing of the original
// object is kept but name, message and code: thrift's HTTP errors hold the request with its Authorization header.
import { type ErrorCode, isCode, PipelineError } from '../../pipeline/errors.ts';

/** What HiveServer2 says about a statement or a login. */
export interface ServerWords {
  readonly message: string;
  /** Hive's own number, e.g. 10001 for a missing table; undefined when it gave none. */
  readonly errorCode: number | undefined;
  readonly sqlState: string | undefined;
}

const TLS_CODE =
  /^(ERR_TLS|ERR_SSL|CERT_|CRL_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_(GET|VERIFY|DECODE|DECRYPT)|HOSTNAME_MISMATCH|INVALID_CA|EPROTO|ERR_OSSL)/;

// The servers behind HiveServer2 are away, or it is short of memory: the statement itself may be right.
const PASSING =
  /SafeModeException|Name node is in safe mode|ConnectException|Connection refused|Connection reset|EOFException|Failed on local exception|NoRouteToHost|UnknownHostException|SocketTimeout|TTransportException|StandbyException|RetriableException|could only be written to \d+ of|OutOfMemoryError|GC overhead|exec\.(mr\.MapRedTask|tez\.TezTask)|Could not connect to meta store|not allowed from the shutdown hook|Filesystem closed|deadlock|lock could not be obtained|Lock wait timeout|UndeclaredThrowableException|Communications link failure/;

// Two clients created the same at once: the metastore answers in its own words or in those of its database.
const ALREADY_THERE =
  /AlreadyExists|already exists|Duplicate column name|duplicate key|Duplicate entry|unique constraint/i;

// Said of a statement that was understood, and then met something. Wrong words, names and types are refused otherwise.
const MET_TROUBLE = /FAILED: (Execution Error|RuntimeException|NullPointerException)/;

const WORDS_MAX = 600;

/** The first sentence or so of what the server said: one line, no Java stack, literals left out. */
export function shortWords(message: string): string {
  const line = message
    .replace(/\n\s*at .*/g, '')
    .replace(/'(?:[^'\\]|\\.)*'/g, (literal) => (literal.length > 80 ? "'…'" : literal))
    .replace(/\s+/g, ' ')
    .trim();
  return line.length > WORDS_MAX ? `${line.slice(0, WORDS_MAX)}…` : line;
}

const CLASSES_AND_CODES =
  /FAILED: \w+|\[Error \d+\]|return code \d+ from [\w.$]+|\b[\w.$]*(?:Exception|Error)\b/g;

/** Only exception names and error numbers: for statements that carry values of records, which Hive likes to quote. */
function wordsWithoutValues(message: string): string {
  return [...new Set(message.match(CLASSES_AND_CODES) ?? [])].join(', ').slice(0, WORDS_MAX);
}

/** HiveServer2 answered, and its answer is no. `valuesInStatement` keeps record values out of the message. */
export function statementError(
  at: string,
  words: ServerWords,
  valuesInStatement: boolean,
): PipelineError {
  const said = valuesInStatement ? wordsWithoutValues(words.message) : shortWords(words.message);
  const passing = PASSING.test(words.message);
  return new PipelineError(
    passing ? 'HIVE_UNAVAILABLE' : 'HIVE_REJECTED',
    `HiveServer2 at ${at} ${passing ? 'could not run' : 'refused'} a statement: ${said || 'no reason given'}`,
    {
      hint: passing
        ? 'A service behind HiveServer2 failed; its log tells more. The statement may be tried again.'
        : 'See the words of the server; its log tells more.',
      context: {
        errorCode: words.errorCode,
        sqlState: words.sqlState,
        alreadyThere: ALREADY_THERE.test(words.message),
        metTrouble: MET_TROUBLE.test(words.message),
      },
    },
  );
}

/** True when a statement that creates something failed because it exists, perhaps only for a moment. */
export function isAlreadyThere(error: unknown): boolean {
  return isCode(error, 'HIVE_REJECTED') && error.context['alreadyThere'] === true;
}

/**
 * True when a statement was understood and met trouble then. Two sessions that alter one table at once get such refusals
 * in many words, some of them no more than a Java exception, and the same statement succeeds a moment later.
 */
export function hasMetTrouble(error: unknown): boolean {
  return isCode(error, 'HIVE_REJECTED') && error.context['metTrouble'] === true;
}

const HTTP_HINTS: Readonly<Record<number, string>> = {
  401: 'Check hive.username and hive.password.',
  403: 'Check hive.username and hive.password.',
  404: 'Check hive.httpPath; HiveServer2 calls it hive.server2.thrift.http.path.',
};

function httpError(at: string, status: number): PipelineError {
  const code: ErrorCode = status >= 500 ? 'HIVE_UNAVAILABLE' : 'HIVE_REJECTED';
  const what = status === 401 || status === 403 ? 'refused the login' : 'refused the request';
  return new PipelineError(code, `HiveServer2 at ${at} ${what} (HTTP ${status})`, {
    hint: HTTP_HINTS[status] ?? 'Check hive.transport, hive.port and hive.httpPath.',
    context: { status },
  });
}

const UNAVAILABLE_HINTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Nothing listens there: start HiveServer2, or check hive.host and hive.port.',
  ENOTFOUND: 'The host name is unknown: check hive.host.',
  EAI_AGAIN: 'The host name cannot be looked up just now: check hive.host and the name service.',
  ETIMEDOUT: 'The host does not answer: check hive.host, the network and firewalls.',
  EHOSTUNREACH: 'There is no way to the host: check hive.host and the network.',
};

interface Thrown {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
  readonly statusCode?: unknown;
}

/** Anything that went wrong before or below a statement: name look-up, connect, TLS, login, a cut connection. */
export function connectionError(at: string, error: unknown): PipelineError {
  if (error instanceof PipelineError) return error;
  const { name, message, code, statusCode } = (error ?? {}) as Thrown;
  if (typeof statusCode === 'number') return httpError(at, statusCode);
  const text = shortWords(String(message ?? error));
  // Only the text is kept: see the head of this file.
  const cause = new Error(text);
  if (typeof code === 'string' && TLS_CODE.test(code)) {
    return new PipelineError('HIVE_TLS', `TLS with HiveServer2 at ${at} failed: ${text}`, {
      hint: 'Check hive.tls.ca, hive.tls.serverName, hive.tls.cert and hive.tls.key, and that the server speaks TLS on this port.',
      context: { tls: code },
      cause,
    });
  }
  const isRefused = /^Authentication error/.test(text) || name === 'Status Error';
  if (isRefused && PASSING.test(String(message))) {
    return new PipelineError(
      'HIVE_UNAVAILABLE',
      `HiveServer2 at ${at} could not open a session: ${text}`,
      { hint: 'A service behind HiveServer2 failed; its log tells more.', cause },
    );
  }
  if (isRefused) {
    return new PipelineError('HIVE_REJECTED', `HiveServer2 at ${at} refused the login: ${text}`, {
      hint: 'Check hive.auth, hive.username and hive.password, and hive.tls if the server expects TLS.',
      cause,
    });
  }
  return new PipelineError('HIVE_UNAVAILABLE', `No connection to HiveServer2 at ${at}: ${text}`, {
    hint:
      UNAVAILABLE_HINTS[typeof code === 'string' ? code : ''] ??
      'The connection broke: check that HiveServer2 runs, and that hive.auth and hive.tls are as on the server.',
    cause,
  });
}

/** No answer in time. */
export function silentError(at: string, what: string, ms: number): PipelineError {
  return new PipelineError(
    'HIVE_UNAVAILABLE',
    `HiveServer2 at ${at} gave no answer to ${what} within ${Math.round(ms)} ms`,
    {
      hint: 'It accepts connections but does not answer: check its log, hive.auth and hive.tls (a server that expects another login or TLS stays silent).',
    },
  );
}

/** The connection closed under a call: whether the call took effect is unknown. */
export function droppedError(at: string, what: string): PipelineError {
  return new PipelineError(
    'HIVE_UNAVAILABLE',
    `HiveServer2 at ${at} closed the connection during ${what}`,
    {
      hint: 'Check that HiveServer2 runs, and that hive.auth and hive.tls are as on the server; the step is tried again.',
    },
  );
}
