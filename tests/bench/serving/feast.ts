import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../../cli/stack/host/ports.ts';
import { startChild } from '../runner/child.ts';
import { proportionalBytes, readAllStats, TICKS_PER_SECOND, treeOf } from '../../support/procfs.ts';
import type { ServingPlace } from './place.ts';
import { SERVER_CORE } from './servers.ts';
import type { BenchServer } from './servers.ts';
import { userAt } from './world.ts';

/** So many users' lists are written through Feast: it takes about a millisecond for each. */
export const FEAST_USERS = 10_000;
const LIST_LENGTH = 20;
const READY_MS = 300_000;
const JOB = join(import.meta.dirname, '..', 'peers', 'feast_job.py');

export interface FeastServer extends BenchServer {
  /** A file of bodies, one a line, of which each asks for a user's list. */
  readonly bodies: string;
}

/** Feast's feature server on the server's core, which reads from the same Redis as the API. */
export async function startFeast(place: ServingPlace, python: string): Promise<FeastServer> {
  const { workDir, size, stack } = place;
  const port = await freePort();
  const folder = join(workDir, `feast-${port}`);
  mkdirSync(folder);
  const redis = new URL(stack.config.redis.url);
  const users = Array.from({ length: Math.min(size.users, FEAST_USERS) }, (_, i) => userAt(i));
  const configFile = join(folder, 'config.json');
  const password = redis.password === '' ? '' : `,password=${decodeURIComponent(redis.password)}`;
  const config = {
    ...{ folder, port, users, length: LIST_LENGTH, movies: size.movies },
    redis: `${redis.host}${password}`,
  };
  writeFileSync(configFile, JSON.stringify(config), { mode: 0o600 });
  const bodies = join(folder, 'bodies');
  const body = (user: string): string =>
    JSON.stringify({
      features: ['lists:movie_ids', 'lists:scores'],
      entities: { user_id: [user] },
    });
  writeFileSync(bodies, `${users.map(body).join('\n')}\n`);
  const child = startChild({
    command: 'taskset',
    args: ['-c', SERVER_CORE, python, JOB, configFile],
    env: { FEAST_USAGE: 'False' },
    logFile: join(folder, 'feast.log'),
  });
  const url = `http://127.0.0.1:${port}`;
  const { pid } = child;
  await Promise.race([untilReady(`${url}/health`), child.ended]);
  let before = cpuUsOf(pid);
  return {
    url,
    bodies,
    figures() {
      const all = cpuUsOf(pid);
      const cpuUs = all - before;
      before = all;
      return Promise.resolve({ cpuUs, loopDelayP99Ms: NaN, rssBytes: memoryOf(pid) });
    },
    stop: () => child.stop(),
  };
}

async function untilReady(url: string): Promise<void> {
  const until = performance.now() + READY_MS;
  while (performance.now() < until) {
    const isReady = await fetch(url).then(
      (answer) => answer.ok,
      () => false,
    );
    if (isReady) return;
    await delay(100);
  }
  throw new Error(`${url} is not ready after ${READY_MS} ms`);
}

function cpuUsOf(pid: number | null): number {
  const tree = treeOf(pid === null ? [] : [pid], readAllStats());
  return (tree.reduce((sum, { ownTicks }) => sum + ownTicks, 0) * 1e6) / TICKS_PER_SECOND;
}

function memoryOf(pid: number | null): number {
  const tree = treeOf(pid === null ? [] : [pid], readAllStats());
  return tree.reduce((sum, process) => sum + proportionalBytes(process.pid), 0);
}
