// Servers tell their clients where else to connect: these rewrites put the address of a proxy in the place of the server's,
// byte for byte as long, so that no length on the wire changes.

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Changes the bytes of one direction of one connection; may hold back what is not whole yet. */
export type Rewrite = (chunk: Buffer) => Buffer;

/** A server's own address and the port of the proxy in front of it. */
export interface Redirection {
  readonly of: Address;
  readonly port: number;
}

/** Metadata and coordinators name brokers as a string with two bytes of length, and four bytes of port. */
export function kafkaAddresses(redirections: readonly Redirection[]): Rewrite {
  const written = ({ host, port }: Address) => {
    const bytes = Buffer.alloc(2 + host.length + 4);
    bytes.writeInt16BE(host.length, 0);
    bytes.write(host, 2, 'latin1');
    bytes.writeInt32BE(port, 2 + host.length);
    return bytes;
  };
  const replace = replacer(redirections, written);
  let held = Buffer.alloc(0);
  return (chunk) => {
    held = Buffer.concat([held, chunk]);
    // Only whole answers, each behind four bytes of size: an address is never cut in two.
    let whole = 0;
    while (held.length >= whole + 4 && held.length >= whole + 4 + held.readInt32BE(whole)) {
      whole += 4 + held.readInt32BE(whole);
    }
    const answers = held.subarray(0, whole);
    held = held.subarray(whole);
    return replace(answers);
  };
}

/**
 * The NameNode names the DataNode in a short header or JSON that comes in one piece. Throws when a port has another number of
 * digits than the proxy's.
 */
export function httpAddresses(redirections: readonly Redirection[]): Rewrite {
  return replacer(redirections, ({ host, port }) => Buffer.from(`${host}:${port}`, 'latin1'));
}

function replacer(
  redirections: readonly Redirection[],
  written: (address: Address) => Buffer,
): Rewrite {
  const pairs = redirections.map(({ of, port }) => {
    const [from, to] = [written(of), written({ host: of.host, port })];
    if (from.length !== to.length) {
      throw new Error(`port ${of.port} cannot be replaced by port ${port}: other number of digits`);
    }
    return { from, to };
  });
  return (bytes) => {
    for (const { from, to } of pairs) {
      for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at + from.length)) {
        to.copy(bytes, at);
      }
    }
    return bytes;
  };
}
