import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createSockets } from '../../../../common/kafka/kafkajs-sockets.ts';

test('a closed client has no connection left, and opens none', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const sockets = createSockets();
  const request = { host: '127.0.0.1', port, ssl: undefined, onConnect: () => undefined } as never;
  const cut: Promise<unknown>[] = [];
  for (let n = 0; n < 2; n += 1) {
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    sockets.open(request);
    const [socket] = await accepted;
    cut.push(once(socket.resume(), 'close'));
  }

  sockets.close();
  await Promise.all(cut);

  expect(() => sockets.open(request)).toThrow('the Kafka client is closed');
});
