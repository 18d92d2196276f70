import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import type { ISocketFactory } from 'kafkajs';

const load = createRequire(import.meta.url);
const socketFactory = load('kafkajs/src/network/socketFactory') as () => ISocketFactory;

const CLOSED = 'the Kafka client is closed';

/** The connections of one client of kafkajs, for its `socketFactory`. */
export interface Sockets {
  readonly open: ISocketFactory;
  /** Cuts what is open, so that requests that wait fail; from then on none is opened. */
  close(): void;
}

/**
 * A client of kafkajs that was closed opens connections again for a request that is still tried,
 * and requests at once may open one each and know only the last: nothing would close the others,
 * and they keep the process alive.
 */
export function createSockets(): Sockets {
  const open = socketFactory();
  const opened = new Set<Socket>();
  let closed = false;
  return {
    open(request) {
      if (closed) throw new Error(CLOSED);
      const socket = open(request).setNoDelay(true);
      opened.add(socket);
      socket.once('close', () => opened.delete(socket));
      socket.on('error', () => undefined); // kafkajs may have let go of it
      return socket;
    },
    close() {
      closed = true;
      // With an error: kafkajs does not listen to `close`.
      for (const socket of opened) socket.destroy(new Error(CLOSED));
    },
  };
}
