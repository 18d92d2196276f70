import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { contestant } from '../runner/attempts.ts';
import type { Contestant } from '../runner/attempts.ts';
import { startFeast } from './feast.ts';
import type { FeastServer } from './feast.ts';
import { putBodies } from './lists.ts';
import { runOha } from './oha.ts';
import type { Load, LoadResult } from './oha.ts';
import type { ServerKind, ServingPlace } from './place.ts';
import { rowsOf } from './questions.ts';
import type { Row, RowPart } from './questions.ts';
import type { BenchServer, ServerFigures } from './servers.ts';
import { writeUrls } from './urls.ts';

/** One run of one question to one server. */
export interface Turn {
  readonly system: string;
  readonly round: number;
  readonly load: LoadResult;
  readonly server: ServerFigures;
}

export interface OpenRows {
  readonly contestants: readonly Contestant[];
  readonly turns: Turn[];
  close(): Promise<void>;
}

export interface RowsOptions {
  readonly oha: string;
  readonly parts: readonly RowPart[];
  readonly seconds: number;
  readonly warmSeconds: number;
  /** The Python that has Feast; null leaves it out. */
  readonly feast: string | null;
}

/** Starts the servers that the parts ask, each once, and warms them up. */
export async function openRows(place: ServingPlace, options: RowsOptions): Promise<OpenRows> {
  const servers = createServers(place);
  const turns: Turn[] = [];
  const contestants: Contestant[] = [];
  const warm = new Set<string>();
  try {
    for (const row of options.parts.flatMap((part) => rowsOf(part, place))) {
      const server = await servers.of(row.server);
      const load = loadOf(place, row, server, options.seconds);
      const whatIsAsked = `${server.url} ${row.path(0)}`;
      if (!warm.has(whatIsAsked)) {
        warm.add(whatIsAsked);
        if (row.server === 'bare') await giveBare(place, await servers.of('api'), row);
        await row.before?.(place);
        await runOha(options.oha, { ...load, seconds: options.warmSeconds, perSecond: null });
        await untilIdle(server);
      }
      const measure = async (round: number): Promise<Turn> => {
        await row.before?.(place);
        return turnOf(row.system, round, server, () => runOha(options.oha, load));
      };
      contestants.push(contestant(row.system, turns, measure, describe));
    }
    if (options.feast !== null) {
      const feast = await startFeast(place, options.feast);
      servers.add('feast', feast);
      contestants.push(await feastRow(place, feast, options, turns));
    }
  } catch (error) {
    await servers.close();
    throw error;
  }
  return { contestants, turns, close: servers.close };
}

function createServers(place: ServingPlace) {
  const servers = new Map<string, BenchServer>();
  return {
    add: (name: string, server: BenchServer) => servers.set(name, server),
    async of(kind: ServerKind): Promise<BenchServer> {
      const name = typeof kind === 'object' ? kind.sql : kind;
      const server = servers.get(name) ?? (await place.start(kind));
      servers.set(name, server);
      return server;
    },
    async close() {
      await Promise.all([...servers.values()].map((server) => server.stop()));
    },
  };
}

/** What the server still does when it was answered, sending its log above all, belongs to the turn. */
async function turnOf(
  system: string,
  round: number,
  server: BenchServer,
  run: () => Promise<LoadResult>,
): Promise<Turn> {
  await server.figures();
  const load = await run();
  const figures = await server.figures();
  const cpuUs = figures.cpuUs + (await untilIdle(server));
  return { system, round, load, server: { ...figures, cpuUs } };
}

const IDLE_SHARE = 0.1;
const LOOK_MS = 250;
const IDLE_WITHIN_MS = 20_000;

/** Waits until the server leaves its core to the next; returns the CPU that it took meanwhile. */
async function untilIdle(server: BenchServer): Promise<number> {
  let cpuUs = 0;
  for (const until = performance.now() + IDLE_WITHIN_MS; performance.now() < until;) {
    await delay(LOOK_MS);
    const { cpuUs: used } = await server.figures();
    cpuUs += used;
    if (used < IDLE_SHARE * LOOK_MS * 1000) break;
  }
  return cpuUs;
}

async function feastRow(
  { workDir }: ServingPlace,
  feast: FeastServer,
  { oha, seconds, warmSeconds }: RowsOptions,
  turns: Turn[],
): Promise<Contestant> {
  const urls = join(workDir, 'feast.urls');
  writeFileSync(urls, `${feast.url}/get-online-features\n`);
  const load: Load = { urls, seconds, perSecond: null, bodies: feast.bodies };
  await runOha(oha, { ...load, seconds: warmSeconds });
  const measure = (round: number): Promise<Turn> =>
    turnOf('Feast', round, feast, () => runOha(oha, load));
  return contestant('Feast', turns, measure, describe);
}

function loadOf(place: ServingPlace, row: Row, server: BenchServer, seconds: number): Load {
  const { workDir, seed, key, rankBody } = place;
  const name = row.system.replaceAll(/[^a-z0-9]+/g, '-');
  const { users, draw, path } = row;
  return {
    urls: writeUrls({ workDir, name, server: server.url, users, draw, seed, path }),
    seconds,
    perSecond: row.perSecond,
    key,
    ...(row.posts === true ? { body: rankBody } : {}),
  };
}

/** The bytes that the API answers to the first of the paths, under all of them. */
async function giveBare(place: ServingPlace, api: BenchServer, row: Row): Promise<void> {
  const { users, path, posts = false } = row;
  const answer = await fetch(`${api.url}${path(0)}`, {
    headers: { authorization: `Bearer ${place.key}`, 'content-type': 'application/json' },
    ...(posts ? { method: 'POST', body: readFileSync(place.rankBody) } : {}),
  });
  const body = Buffer.from(await answer.arrayBuffer());
  if (answer.status !== 200) throw new Error(`${path(0)}: ${answer.status} ${body.toString()}`);
  const paths = Array.from({ length: users }, (_, index) => path(index));
  await putBodies(place.redis, paths, body);
}

function describe({ load, server }: Turn): string {
  const ms = (value: number): string => `${value.toFixed(2)} ms`;
  return (
    `${Math.round(load.perSecond).toLocaleString('en')}/s; p50 ${ms(load.p50Ms)}, ` +
    `p99 ${ms(load.p99Ms)}; ${(server.cpuUs / load.requests).toFixed(0)} us CPU; ` +
    `generator ${(load.generatorShare * 100).toFixed(0)} %`
  );
}
