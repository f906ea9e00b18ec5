// Asks HiveServer2 whether it serves: a real Thrift answer, by hand, because this floor must not wait for a driver.
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export interface HiveProbe {
  readonly port: number;
  /** `NONE` and `NOSASL` open a session; any other mechanism must only answer the SASL greeting. */
  readonly authentication: string;
  readonly tls: boolean;
  /** Any HTTP answer is enough for the http transport. */
  readonly transport: 'binary' | 'http' | 'all';
}

const PROBE_MS = 20_000;
const SASL_START = 1;
const SASL_OK = 2;
const SASL_COMPLETE = 5;
const USER = 'hdfs';

/** A SASL message of Thrift: status, length, payload. */
function sasl(status: number, payload: string): Buffer {
  const body = Buffer.from(payload);
  const head = Buffer.alloc(5);
  head.writeUInt8(status, 0);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

/** `PLAIN` without a real password: with authentication NONE every password is right. */
function saslGreeting(): Buffer {
  return Buffer.concat([sasl(SASL_START, 'PLAIN'), sasl(SASL_OK, `\0${USER}\0probe`)]);
}

const text = (value: string) => {
  const bytes = Buffer.from(value);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(bytes.length);
  return Buffer.concat([size, bytes]);
};

/** OpenSession(TOpenSessionReq{client_protocol: V8, username}) in TBinaryProtocol, without a frame. */
function openSessionCall(): Buffer {
  return Buffer.concat([
    Buffer.from([0x80, 0x01, 0x00, 0x01]), // strict, a call
    text('OpenSession'),
    Buffer.from([0, 0, 0, 1]), // sequence number
    Buffer.from([12, 0, 1]), // argument 1: a struct
    Buffer.from([8, 0, 1, 0, 0, 0, 7]), // client_protocol: i32
    Buffer.from([11, 0, 2]), // username: string
    text(USER),
    Buffer.from([0, 0]), // end of both structs
  ]);
}

const framed = (message: Buffer) => {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(message.length);
  return Buffer.concat([size, message]);
};

/** True when `reply` is the answer to OpenSession and holds a session handle (field 3 of the response). */
export function opensSession(reply: Buffer): boolean {
  const name = reply.indexOf('OpenSession');
  if (name < 0 || reply[name - 5] !== 2) return false;
  // Behind name and sequence number: field 0 (success) is a struct, its field 1 the status, whose field 1 is the code.
  const result = reply.subarray(name + 'OpenSession'.length + 4);
  return result.length > 13 && result[0] === 12 && result.readInt32BE(9) <= 1;
}

type Step = (received: Buffer) => 'more' | 'served' | Buffer;

/** NOSASL: the answer to OpenSession. */
const plainThrift: Step = (received) => (opensSession(received) ? 'served' : 'more');

/** SASL: COMPLETE, then the framed answer to OpenSession; with a password mechanism any answer. */
function saslThrift(opens: boolean): Step {
  let asked = false;
  return (received) => {
    const status = received[0];
    if (status === undefined) return 'more';
    if (!opens) return 'served';
    if (!asked && status === SASL_COMPLETE) {
      asked = true;
      return framed(openSessionCall());
    }
    return opensSession(received) ? 'served' : 'more';
  };
}

const http: Step = (received) =>
  received.toString('latin1').startsWith('HTTP/') ? 'served' : 'more';

function plan(probe: HiveProbe): { greeting: Buffer; step: Step } {
  if (probe.transport === 'http') {
    const greeting = Buffer.from('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n');
    return { greeting, step: http };
  }
  const mechanism = probe.authentication.toUpperCase();
  if (mechanism === 'NOSASL') return { greeting: openSessionCall(), step: plainThrift };
  return { greeting: saslGreeting(), step: saslThrift(mechanism === 'NONE') };
}

/** True when HiveServer2 answers. Takes at most 20 s, never rejects; the session ends with the connection. */
export function hiveAnswers(probe: HiveProbe, withinMs = PROBE_MS): Promise<boolean> {
  const { greeting, step } = plan(probe);
  return new Promise((resolve) => {
    const address = { host: '127.0.0.1', port: probe.port };
    // Nothing secret is sent, and only our own process on loopback is asked: its certificate needs no check.
    const socket: Socket = probe.tls
      ? connectTls({ ...address, rejectUnauthorized: false })
      : connect(address);
    let received = Buffer.alloc(0);
    const end = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(withinMs, () => end(false));
    socket.on('error', () => end(false));
    socket.on('close', () => end(false));
    socket.on(probe.tls ? 'secureConnect' : 'connect', () => socket.write(greeting));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      const next = step(received);
      if (next === 'served') end(true);
      else if (next !== 'more') {
        received = Buffer.alloc(0);
        socket.write(next);
      }
    });
  });
}
