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
  const agent = new Agent({ keepAlive: true });
  const sockets = new Set<Socket>();
  const strikes = createStrikes();
  const handle = createHandler(new URL(target), agent, strikes);
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
      strikes.add(method, fault, times);
    },
    calm() {
      strikes.clear();
      hangUp();
    },
    fallen: (kind) => strikes.fallen(kind),
    connections: () => sockets.size,
    away: shut,
    back: () => listen(own),
    async close() {
      if (server.listening) await shut();
      agent.destroy();
    },
  };
}

/** Which faults are due, and which fell. */
interface Strikes {
  add(method: string, fault: StoreFault, times: number): void;
  /** The fault that the next request with this method meets. */
  take(method: string): StoreFault | null;
  fell(fault: StoreFault): void;
  fallen(kind: StoreFault['kind']): number;
  clear(): void;
}

function createStrikes(): Strikes {
  const fallen = new Map<string, number>();
  let due: { method: string; fault: StoreFault; left: number }[] = [];
  return {
    add(method, fault, times) {
      due.push({ method, fault, left: times });
    },
    take(method) {
      const strike = due.find((d) => d.method === method && d.left > 0);
      if (strike === undefined) return null;
      strike.left--;
      return strike.fault;
    },
    fell({ kind }) {
      fallen.set(kind, (fallen.get(kind) ?? 0) + 1);
    },
    fallen: (kind) => fallen.get(kind) ?? 0,
    clear() {
      due = [];
      fallen.clear();
    },
  };
}

type Handler = (from: IncomingMessage, to: ServerResponse) => Promise<void>;

function createHandler({ hostname, port }: URL, agent: Agent, strikes: Strikes): Handler {
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

  async function pass(
    from: IncomingMessage,
    to: ServerResponse,
    fault: StoreFault | null,
  ): Promise<void> {
    const sent = await bodyOf(from);
    const answered = Promise.withResolvers<IncomingMessage>();
    const upstream = ask(from, answered.resolve).once('error', answered.reject);
    await inPieces(fault, sent, (piece) => upstream.write(piece));
    upstream.end();
    const got = await answered.promise;
    const body = await bodyOf(got);
    if (fault !== null) strikes.fell(fault);
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

  return async (from, to) => {
    const fault = strikes.take(from.method ?? '');
    switch (fault?.kind) {
      case 'reset':
        strikes.fell(fault);
        from.socket.destroy();
        return;
      case 'silent':
        strikes.fell(fault);
        from.resume();
        return;
      case 'answer':
        // With its body read, the client hears the answer and not a broken pipe.
        await bodyOf(from);
        strikes.fell(fault);
        answer(to, fault.status, fault.code);
        return;
      case 'cut-upload':
      case 'hold-upload': {
        const body = await bodyOf(from);
        const upstream = ask(from, () => undefined);
        upstream.write(body.subarray(0, body.length >> 1), () => {
          strikes.fell(fault);
          if (fault.kind === 'cut-upload') from.socket.destroy();
        });
        from.socket.once('close', () => upstream.destroy());
        return;
      }
      default:
        await pass(from, to, fault);
    }
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
