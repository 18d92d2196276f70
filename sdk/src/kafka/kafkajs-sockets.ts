import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import type { ISocketFactory } from 'kafkajs';

const load = createRequire(import.meta.url);
const socketFactory = load('kafkajs/src/network/socketFactory') as () => ISocketFactory;

/** The connections of one client of kafkajs, for its `socketFactory`. */
export interface Sockets {
  readonly open: ISocketFactory;
  /** Cuts what is open; from then on none is opened. `reason` reaches requests that wait. */
  close(reason?: Error): void;
}

/**
 * A client of kafkajs that was closed opens connections again for a request that is still tried, and
 * requests at once may open one each and know only the last: nothing would close the others, and
 * they keep the process alive.
 */
export function createSockets(): Sockets {
  const open = socketFactory();
  const opened = new Set<Socket>();
  let closed = false;
  return {
    open(request) {
      if (closed) throw new Error('the Kafka client is closed');
      const socket = open(request).setNoDelay(true);
      opened.add(socket);
      socket.once('close', () => opened.delete(socket));
      return socket;
    },
    close(reason) {
      closed = true;
      for (const socket of opened) socket.destroy(reason);
    },
  };
}
