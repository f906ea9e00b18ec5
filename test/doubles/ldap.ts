// An LDAP server that knows one thing: whether a name and a password belong together (simple bind, RFC 4511).
import { type AddressInfo, createServer, type Server } from 'node:net';

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const OCTETS = 0x04;
const BIND_REQUEST = 0x60;
const BIND_RESPONSE = 0x61;
const ENUMERATED = 0x0a;
const SIMPLE = 0x80;
const SUCCESS = 0;
const INVALID_CREDENTIALS = 49;

interface Element {
  readonly tag: number;
  readonly content: Buffer;
  readonly rest: Buffer;
}

/** The first BER element of `data`, undefined while it is not whole. */
function element(data: Buffer): Element | undefined {
  const [tag, first] = data;
  if (tag === undefined || first === undefined) return undefined;
  const more = first & 0x80 ? first & 0x7f : 0;
  if (data.length < 2 + more) return undefined;
  const length = more ? data.readUIntBE(2, more) : first;
  const begin = 2 + more;
  if (data.length < begin + length) return undefined;
  return {
    tag,
    content: data.subarray(begin, begin + length),
    rest: data.subarray(begin + length),
  };
}

const ber = (tag: number, ...parts: Buffer[]) => {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag, content.length]), content]);
};

export interface LdapDouble {
  readonly url: string;
  close(): void;
}

/** `users` maps a distinguished name to its password. */
export async function startLdap(users: ReadonlyMap<string, string>): Promise<LdapDouble> {
  const server: Server = createServer((socket) => {
    let data = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      data = Buffer.concat([data, chunk]);
      for (let message = element(data); message; message = element(data)) {
        data = Buffer.from(message.rest);
        const id = element(message.content);
        const request = id && element(id.rest);
        if (message.tag !== SEQUENCE || request?.tag !== BIND_REQUEST) continue;
        const name = element(element(request.content)?.rest ?? Buffer.alloc(0));
        const password = name && element(name.rest);
        const known =
          password?.tag === SIMPLE &&
          password.content.length > 0 &&
          users.get(name?.content.toString() ?? '') === password.content.toString();
        const code = Buffer.from([known ? SUCCESS : INVALID_CREDENTIALS]);
        const response = ber(BIND_RESPONSE, ber(ENUMERATED, code), ber(OCTETS), ber(OCTETS));
        socket.write(ber(SEQUENCE, ber(INTEGER, id?.content ?? Buffer.alloc(1)), response));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `ldap://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => server.close(),
  };
}
