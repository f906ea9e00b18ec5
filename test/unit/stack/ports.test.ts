// Free ports are free, and a taken one is named with who needs it and who has it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { PipelineError } from '../../../pipeline/errors.ts';
import { checkPorts, freePorts, isFree } from '../../../stack/ports.ts';

test('free ports are all different and nothing listens on them', async () => {
  const { brokers, controllers, dataNodes, ...single } = await freePorts();
  const all = [brokers, controllers, dataNodes, Object.values(single)].flat(2);
  assert.equal(all.length, 18);
  assert.equal(new Set(all).size, 18);
  // Outgoing connections of the system must not meet them.
  assert.ok(all.every((port) => port >= 12_000 && port < 32_000));
  assert.ok((await Promise.all(all.map(isFree))).every(Boolean));
});

test('a taken port is named with the service, and on Linux with the process that has it', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    const error = await checkPorts('hive', [port]).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof PipelineError);
    assert.equal(error.code, 'STACK_PORT_TAKEN');
    assert.match(error.message, new RegExp(`port ${port} .*needed by hive`));
    if (process.platform === 'linux') assert.match(error.message, new RegExp(`pid ${process.pid}`));
    assert.match(error.hint ?? '', /--ports free/);
  } finally {
    server.close();
  }
});
