import { createServer, request, Agent, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * What becomes of a request that is struck:
 * - `answer`: the store is not asked; the proxy says this status, with S3's code in the body or none;
 * - `reset`: the connection breaks before a word;
 * - `silent`: it is taken, and nothing is ever said;
 * - `slow`: all of it comes, in pieces with pauses;
 * - `cut-upload`: the store gets half of the body, then both connections break;
 * - `hold-upload`: the store gets half of the body, and then nothing more comes;
 * - `unanswered`: the store does it, and the connection breaks before its answer arrives;
 * - `cut-download`: half of the body comes, then the connection breaks;
 * - `short-download`: half of the body comes, and its length says that this is all;
 * - `flip-download`: one bit of the body is another.
 */
export type StoreFault =
  | { readonly kind: 'answer'; readonly status: number; readonly code?: string }
  | { readonly kind: 'slow'; readonly pauseMs: number }
  | {
      readonly kind:
        | 'reset'
        | 'silent'
        | 'cut-upload'
        | 'hold-upload'
        | 'unanswered'
        | 'cut-download'
        | 'short-download'
        | 'flip-download';
    };

/** Stands between a process and the store, and does to requests what a bad day does. */
export interface StoreProxy {
  readonly endpoint: string;
  /** The next requests with this method, so many; Infinity: all until `calm`. */
  strike(method: string, fault: StoreFault, times?: number): void;
  /** No more faults; what is held is let go by breaking its connection. */
  calm(): void;
  /** Faults that fell since the last `calm`, by kind. */
  fallen(kind: StoreFault['kind']): number;
  /** Connections to it that are open. */
  connections(): number;
  /** Nobody listens at the endpoint any more, until `back`. */
  away(): Promise<void>;
  back(): Promise<void>;
  close(): Promise<void>;
}

const PIECES = 8;

export async function startStoreProxy(target: string): Promise<StoreProxy> {
  const { hostname, port } = new URL(target);
  const agent = new Agent({ keepAlive: true });
  const sockets = new Set<Socket>();
  const fallen = new Map<string, number>();
  let due: { method: string; fault: StoreFault; left: number }[] = [];

  function faultOf(method: string): StoreFault | null {
    const strike = due.find((d) => d.method === method && d.left > 0);
    if (strike === undefined) return null;
    strike.left--;
    return strike.fault;
  }

  /** The request as it came: the signature is over the Host that the client named. */
  function ask(from: IncomingMessage, answered: (answer: IncomingMessage) => void) {
    const { method, url, headers } = from;
    const upstream = request({ hostname, port, method, path: url, headers, agent }, answered);
    upstream.on('error', () => from.destroy());
    from.once('close', () => {
      if (!from.complete) upstream.destroy();
    });
    return upstream;
  }

  async function handle(from: IncomingMessage, to: ServerResponse): Promise<void> {
    const fault = faultOf(from.method ?? '');
    const fell = (): void => {
      if (fault !== null) fallen.set(fault.kind, (fallen.get(fault.kind) ?? 0) + 1);
    };
    switch (fault?.kind) {
      case 'reset':
        fell();
        from.socket.destroy();
        return;
      case 'silent':
        fell();
        from.resume();
        return;
      case 'answer':
        // With its body read, the client hears the answer and not a broken pipe.
        await bodyOf(from);
        fell();
        answer(to, fault.status, fault.code);
        return;
      case 'cut-upload':
      case 'hold-upload': {
        const body = await bodyOf(from);
        const upstream = ask(from, () => undefined);
        upstream.write(body.subarray(0, body.length >> 1), () => {
          fell();
          if (fault.kind === 'cut-upload') from.socket.destroy();
        });
        from.socket.once('close', () => upstream.destroy());
        return;
      }
      default:
        await pass(from, to, fault, fell);
    }
  }

  async function pass(
    from: IncomingMessage,
    to: ServerResponse,
    fault: StoreFault | null,
    fell: () => void,
  ): Promise<void> {
    const sent = await bodyOf(from);
    const answered = Promise.withResolvers<IncomingMessage>();
    const upstream = ask(from, answered.resolve).once('error', answered.reject);
    await inPieces(fault, sent, (piece) => upstream.write(piece));
    upstream.end();
    const got = await answered.promise;
    const body = await bodyOf(got);
    if (fault !== null) fell();
    const headers = { ...got.headers };
    if (fault?.kind === 'unanswered') {
      from.socket.destroy();
      return;
    }
    const half = body.length >> 1;
    if (fault?.kind === 'short-download') headers['content-length'] = String(half);
    to.writeHead(got.statusCode ?? 502, headers);
    if (fault?.kind === 'cut-download') {
      to.write(body.subarray(0, half), () => from.socket.destroy());
      return;
    }
    if (fault?.kind === 'flip-download') body[half] = (body[half] ?? 0) ^ 1;
    if (fault?.kind === 'short-download') to.end(body.subarray(0, half));
    else {
      await inPieces(fault, body, (piece) => to.write(piece));
      to.end();
    }
  }

  const server = createServer((from, to) => {
    handle(from, to).catch(() => from.socket.destroy());
  });
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  const listen = (at: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(at, '127.0.0.1', () => {
        server.off('error', reject);
        resolve();
      });
    });
  const hangUp = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const shut = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      hangUp();
    });
  await listen(0);
  const own = (server.address() as AddressInfo).port;

  return {
    endpoint: `http://127.0.0.1:${own}`,
    strike(method, fault, times = 1) {
      due.push({ method, fault, left: times });
    },
    calm() {
      due = [];
      fallen.clear();
      hangUp();
    },
    fallen: (kind) => fallen.get(kind) ?? 0,
    connections: () => sockets.size,
    away: shut,
    back: () => listen(own),
    async close() {
      if (server.listening) await shut();
      agent.destroy();
    },
  };
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** At once, or with pauses between where the fault is slowness. */
async function inPieces(
  fault: StoreFault | null,
  body: Buffer,
  write: (piece: Buffer) => void,
): Promise<void> {
  if (fault?.kind !== 'slow') {
    if (body.length > 0) write(body);
    return;
  }
  const size = Math.ceil(body.length / PIECES);
  for (let at = 0; at < body.length; at += size) {
    await delay(fault.pauseMs);
    write(body.subarray(at, at + size));
  }
}

function answer(to: ServerResponse, status: number, code: string | undefined): void {
  const body =
    code === undefined
      ? ''
      : `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code>` +
        `<Message>said by the fault suite</Message></Error>`;
  to.writeHead(status, { 'content-type': 'application/xml', 'content-length': body.length });
  to.end(body);
}
