import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/**
 * What becomes of a COMMIT that is struck:
 * - `unsent`: the connection breaks before the server hears of it;
 * - `unanswered`: the server commits, and the connection breaks before its answer arrives;
 * - `silent`: the server commits, and the connection stays open without a word.
 */
export type Strike = 'unsent' | 'unanswered' | 'silent';

/** Stands between a process and Postgres, and loses answers on demand. */
export interface PostgresProxy {
  /** The server's URL with the proxy's address. */
  url(of: string): string;
  /** The next COMMITs, one for each strike given. */
  strike(...strikes: readonly Strike[]): void;
  /** Strikes that fell. */
  fallen(): readonly Strike[];
  close(): Promise<void>;
}

/** A simple query of COMMIT, as pg sends it: the type, the length, the text, a zero byte. */
const COMMIT = Buffer.concat([Buffer.from([0x51, 0, 0, 0, 11]), Buffer.from('COMMIT\0')]);

export async function startPostgresProxy(target: string): Promise<PostgresProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const due: Strike[] = [];
  const fallen: Strike[] = [];

  function track(socket: Socket): Socket {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    return socket;
  }

  const server = createServer((client) => {
    track(client);
    const upstream = track(connect(Number(port), hostname));
    let struck: Strike | null = null;
    client.on('data', (bytes) => {
      if (bytes.equals(COMMIT)) struck = due.shift() ?? null;
      if (struck === 'unsent') {
        fallen.push(struck);
        client.destroy();
        upstream.destroy();
        return;
      }
      upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      if (struck === null) {
        client.write(bytes);
        return;
      }
      fallen.push(struck);
      if (struck === 'unanswered') {
        client.destroy();
        upstream.destroy();
      }
    });
    client.once('close', () => upstream.destroy());
    upstream.once('close', () => {
      if (struck !== 'silent') client.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const own = (server.address() as AddressInfo).port;

  return {
    url(of) {
      const changed = new URL(of);
      changed.hostname = '127.0.0.1';
      changed.port = String(own);
      return changed.href;
    },
    strike(...strikes) {
      due.push(...strikes);
    },
    fallen: () => fallen,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
