import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { REQUEST } from './request.ts';

export interface Saturation {
  readonly perSecond: number;
  /** CPU of the server, in microseconds a request. */
  readonly serverMicroseconds: number;
  /** CPU of the generator, as a share of a core: above 0.8 the figure is the generator's own. */
  readonly generatorShare: number;
}

const CONNECTIONS = 64;

/** Requests a second at most: so many connections, each asking again when it is answered. */
export async function saturate(
  kind: 'api' | 'node',
  { warmMs, measureMs }: { readonly warmMs: number; readonly measureMs: number },
): Promise<Saturation> {
  const child = fork(join(import.meta.dirname, 'server-child.ts'), [kind], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  try {
    const [text] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
    const load = openLoad(Number(text.toString()));
    await delay(warmMs);
    const cpu = await cpuOf(child);
    const own = process.cpuUsage();
    const before = load.answers();
    const began = performance.now();
    await delay(measureMs);
    const seconds = (performance.now() - began) / 1_000;
    const answers = load.answers() - before;
    const used = process.cpuUsage(own);
    const served = (await cpuOf(child)) - cpu;
    load.close();
    return {
      perSecond: answers / seconds,
      serverMicroseconds: served / answers,
      generatorShare: (used.user + used.system) / 1e6 / seconds,
    };
  } finally {
    child.kill();
    await once(child, 'exit');
  }
}

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function cpuOf(child: ReturnType<typeof fork>): Promise<number> {
  child.send('cpu');
  const [usage] = (await once(child, 'message')) as [NodeJS.CpuUsage];
  return usage.user + usage.system;
}

function openLoad(port: number): { answers(): number; close(): void } {
  let answers = 0;
  const sockets = Array.from({ length: CONNECTIONS }, () => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let length = 0;
    let received = 0;
    socket.on('data', (chunk: Buffer) => {
      // All answers have one length, which the first one says.
      if (length === 0) length = lengthOf(chunk);
      received += chunk.length;
      while (received >= length) {
        received -= length;
        answers++;
        socket.write(REQUEST);
      }
    });
    socket.on('error', () => undefined);
    socket.write(REQUEST);
    return socket;
  });
  return {
    answers: () => answers,
    close() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

function lengthOf(head: Buffer): number {
  const text = head.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  const [, body] = /content-length: (\d+)/i.exec(text) ?? [];
  if (!text.startsWith('HTTP/1.1 200') || end === -1 || body === undefined)
    throw new Error(`the server answers ${text.slice(0, 200)}`);
  return end + 4 + Number(body);
}
