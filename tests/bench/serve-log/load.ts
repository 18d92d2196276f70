import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { BenchStack } from '../runner/stack.ts';

/** What the server did since it was asked before. */
export interface ServerFigures {
  readonly requests: number;
  /** Of all its threads. */
  readonly cpuUs: number;
  readonly waitingRecords: number;
  readonly lost: number;
  readonly memoryBytes: number;
}

export interface SaturationResult {
  readonly perSecond: number;
  /** CPU of the server for a request, with what sending its record costs later. */
  readonly cpuUs: number;
  readonly lost: number;
  readonly memoryBytes: number;
}

export interface SaturatedServer {
  measure(logging: boolean, seconds: number): Promise<SaturationResult>;
  stop(): void;
}

const REQUEST = Buffer.from('GET /list HTTP/1.1\r\nhost: bench\r\n\r\n');
const CONNECTIONS = 32;
const SERVER_CORE = '1';

/** A server on a core of its own, which this process drives as fast as it answers. */
export async function startServer(stack: BenchStack): Promise<SaturatedServer> {
  const folder = mkdtempSync(join(stack.home, 'spool-'));
  const script = join(import.meta.dirname, 'server-child.ts');
  const args = [script, folder, stack.brokers.join(','), stack.registryUrl];
  const child = spawn('taskset', ['-c', SERVER_CORE, process.execPath, ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(line.toString());
  const ask = async (logging: boolean): Promise<ServerFigures> => {
    const answer = await fetch(`http://127.0.0.1:${port}/figures?log=${logging ? 1 : 0}`);
    return (await answer.json()) as ServerFigures;
  };
  return {
    async measure(logging, seconds) {
      await ask(logging);
      const perSecond = await saturate(port, seconds);
      const { requests, cpuUs, lost, memoryBytes } = await ask(false);
      let sendingUs = 0;
      for (let waiting = logging; waiting;) {
        await delay(50);
        const later = await ask(false);
        sendingUs += later.cpuUs;
        waiting = later.waitingRecords > 0;
      }
      return { perSecond, cpuUs: (cpuUs + sendingUs) / requests, lost, memoryBytes };
    },
    stop() {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true });
    },
  };
}

/** Answers a second; each connection asks again when it was answered. All answers have one length. */
async function saturate(port: number, seconds: number): Promise<number> {
  const length = await answerLength(port);
  let answers = 0;
  let over = false;
  const sockets = Array.from({ length: CONNECTIONS }, () => {
    const socket = connect(port, '127.0.0.1', () => socket.write(REQUEST));
    let got = 0;
    socket.setNoDelay(true).on('data', (bytes) => {
      got += bytes.length;
      if (got < length) return;
      got -= length;
      answers += 1;
      if (!over) socket.write(REQUEST);
    });
    return socket;
  });
  const startedAt = performance.now();
  await delay(seconds * 1_000);
  const perSecond = (answers * 1_000) / (performance.now() - startedAt);
  over = true;
  await delay(100);
  for (const socket of sockets) socket.destroy();
  return perSecond;
}

async function answerLength(port: number): Promise<number> {
  const socket = connect(port, '127.0.0.1', () => socket.write(REQUEST));
  let text = '';
  for await (const bytes of socket as AsyncIterable<Buffer>) {
    text += bytes.toString('latin1');
    const head = text.indexOf('\r\n\r\n') + 4;
    const body = Number(/content-length: (\d+)/.exec(text)?.[1]);
    if (head > 4 && text.length === head + body) break;
  }
  return text.length;
}
