import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface ServerSettings {
  /** The API, or node:http with one question to Redis or to Postgres. */
  readonly kind: 'api' | 'bare' | 'bare-sql';
  readonly port: number;
  readonly stackHome: string;
  /** Of its own: spool, state and keys. */
  readonly home: string;
  readonly redisUrl: string;
  readonly postgresUrl: string;
  readonly logsServes: boolean;
  /** Asked by `bare-sql`, with the user of the path. */
  readonly sql?: string;
}

/** What a server did since it was asked before. */
export interface ServerFigures {
  /** Of all its threads. */
  readonly cpuUs: number;
  readonly loopDelayP99Ms: number;
  readonly rssBytes: number;
}

export interface BenchServer {
  readonly url: string;
  figures(): Promise<ServerFigures>;
  stop(): Promise<void>;
}

/** Nothing else of the bench runs there. */
export const SERVER_CORE = '1';
/** Threads that help with garbage would only take the one core from who answers: of all servers alike. */
const ONE_CORE = ['--single-threaded-gc'];
const READY_MS = 120_000;

/** A server on a core of its own, ready to be asked. */
export async function startServer(settings: ServerSettings): Promise<BenchServer> {
  const child = fork(
    join(import.meta.dirname, 'server-child.ts'),
    [JSON.stringify(settings)],
    // taskset becomes the program that it starts.
    { execPath: 'taskset', execArgv: ['-c', SERVER_CORE, process.execPath, ...ONE_CORE] },
  );
  const url = `http://127.0.0.1:${settings.port}`;
  try {
    await ready(child, `${url}/readyz`);
  } catch (error) {
    await stop(child);
    throw error;
  }
  return {
    url,
    async figures() {
      child.send('figures');
      const [figures] = (await once(child, 'message')) as [ServerFigures];
      return figures;
    },
    stop: () => stop(child),
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(timer);
}

/** A bare server says 404 or 200 to whatever it is asked: what counts is that it answers. */
async function ready(child: ChildProcess, url: string): Promise<void> {
  const until = performance.now() + READY_MS;
  while (performance.now() < until) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
    const status = await fetch(url).then(
      (answer) => answer.status,
      () => 0,
    );
    if (status !== 0 && status !== 503) return;
    await delay(50);
  }
  throw new Error(`${url} is not ready after ${READY_MS} ms`);
}
