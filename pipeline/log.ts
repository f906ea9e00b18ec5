// Logs go to standard error: one line a person reads on a terminal, one JSON object a line elsewhere.
import type { Writable } from 'node:stream';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = 'pretty' | 'json';
export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log whose lines carry `fields` too. */
  with(fields: LogFields): Log;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly stream?: Writable;
}

const COLOURS: Record<string, string> = { debug: '2', info: '36', warn: '33', error: '31' };

const plain = (value: unknown): unknown => {
  if (typeof value === 'bigint') return value.toString();
  return value instanceof Error ? value.message : value;
};

function prettyLine(level: LogLevel, message: string, fields: LogFields, colour: boolean): string {
  const time = new Date().toISOString().slice(11, 23);
  const tail = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(
      ([key, value]) =>
        `${key}=${typeof value === 'object' && !(value instanceof Error) ? JSON.stringify(value, (_, v) => plain(v)) : plain(value)}`,
    )
    .join(' ');
  const name = colour ? `\u001b[${COLOURS[level]}m${level.padEnd(5)}\u001b[0m` : level.padEnd(5);
  return `${time} ${name} ${message}${tail ? ` ${colour ? `\u001b[2m${tail}\u001b[0m` : tail}` : ''}\n`;
}

export function createLog(options: LogOptions, bound: LogFields = {}): Log {
  const stream = options.stream ?? process.stderr;
  const colour = (stream as NodeJS.WriteStream).isTTY === true && !process.env['NO_COLOR'];
  const write = (level: LogLevel, message: string, fields: LogFields = {}) => {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(options.level)) return;
    const all = { ...bound, ...fields };
    stream.write(
      options.format === 'pretty'
        ? prettyLine(level, message, all, colour)
        : `${JSON.stringify({ time: new Date().toISOString(), level, message, ...all }, (_, v) => plain(v))}\n`,
    );
  };
  return {
    debug: (message, fields) => write('debug', message, fields),
    info: (message, fields) => write('info', message, fields),
    warn: (message, fields) => write('warn', message, fields),
    error: (message, fields) => write('error', message, fields),
    with: (fields) => createLog(options, { ...bound, ...fields }),
  };
}

export const silentLog: Log = createLog({ level: 'silent', format: 'json' });
