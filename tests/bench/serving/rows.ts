import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { contestant } from '../runner/attempts.ts';
import type { Contestant } from '../runner/attempts.ts';
import { startFeast } from './feast.ts';
import type { FeastServer } from './feast.ts';
import { putBodies } from './lists.ts';
import { runOha } from './oha.ts';
import type { Load, LoadResult } from './oha.ts';
import type { ServerKind, ServingPlace } from './place.ts';
import type { BenchServer, ServerFigures } from './servers.ts';
import { writeUrls } from './urls.ts';
import type { Draw } from './urls.ts';
import { batchUserAt, MODEL_VERSION, userAt } from './world.ts';

/** One run of one question to one server. */
export interface Turn {
  readonly system: string;
  readonly round: number;
  readonly load: LoadResult;
  readonly server: ServerFigures;
}

export const ROW_PARTS = ['hit', 'computed', 'rank', 'batch', 'vector', 'logging'] as const;
export type RowPart = (typeof ROW_PARTS)[number];

/** What is asked of which server, at which rate. */
interface Row {
  readonly system: string;
  readonly server: ServerKind;
  readonly users: number;
  readonly draw: Draw;
  readonly path: (index: number) => string;
  readonly perSecond: number | null;
  readonly posts?: boolean;
  /** Before each run, outside the time. */
  readonly before?: (place: ServingPlace) => Promise<unknown>;
}

const listPath = (index: number): string => `/v1/users/${userAt(index)}/recommendations`;
const rankPath = (index: number): string => `/v1/users/${userAt(index)}/rank`;
const batchPath = (index: number): string => `/v1/users/${batchUserAt(index)}/recommendations`;

/** Whom the bare server has a body for: 500 ranked movies are 40 kB each. */
const RANK_USERS = 500;
const HIT_RATE = 2_000;
const RATE = 500;

const BATCH_SQL = `SELECT r.model_version, r.movie_id, r.score
  FROM active_model AS a JOIN batch_recommendations AS r USING (model_version)
 WHERE r.user_id = $1 ORDER BY r.rank`;

/** The 20 movies nearest to what a user's first movie is like, by the index of pgvector. */
const VECTOR_SQL = `SELECT movie_id, embedding::vector(64) <#> (
    SELECT embedding::vector(64) FROM movie_embeddings_${MODEL_VERSION.toLowerCase()}
     WHERE movie_id = 1 + abs(hashtext($1)) % (SELECT count(*) FROM movies)) AS distance
  FROM movie_embeddings_${MODEL_VERSION.toLowerCase()} ORDER BY 2 LIMIT 20`;

function rowsOf(part: RowPart, { size }: ServingPlace): Row[] {
  const { users, batchUsers } = size;
  const hit = { users, draw: 'zipf', path: listPath } as const;
  const ranked = { users: Math.min(users, RANK_USERS), draw: 'evenly', path: rankPath } as const;
  const cold = { server: 'api without lists', before: emptyCold, perSecond: RATE } as const;
  const batch = { users: batchUsers, draw: 'evenly', path: batchPath, perSecond: RATE } as const;
  switch (part) {
    case 'hit':
      return [
        { ...hit, system: 'bare at 2,000/s', server: 'bare', perSecond: HIT_RATE },
        { ...hit, system: 'hit at 2,000/s', server: 'api', perSecond: HIT_RATE },
        { ...hit, system: 'bare', server: 'bare', perSecond: null },
        { ...hit, system: 'hit', server: 'api', perSecond: null },
      ];
    case 'logging':
      return [{ ...hit, system: 'hit without log', server: 'api without log', perSecond: null }];
    case 'computed':
      return [
        { ...hit, system: 'bare at 500/s', server: 'bare', perSecond: RATE },
        { ...hit, ...cold, draw: 'evenly', system: 'computed' },
      ];
    case 'rank':
      return [
        { ...ranked, system: 'bare, bytes of 500', server: 'bare', perSecond: RATE, posts: true },
        { ...ranked, system: 'rank of 500', server: 'api', perSecond: RATE, posts: true },
      ];
    case 'batch':
      return [
        { ...batch, system: 'bare query of a list', server: { sql: BATCH_SQL } },
        { ...batch, ...cold, system: 'batch' },
      ];
    case 'vector':
      return [{ ...hit, system: 'bare pgvector', server: { sql: VECTOR_SQL }, perSecond: RATE }];
  }
}

async function emptyCold({ coldRedis }: ServingPlace): Promise<void> {
  await coldRedis.flushdb();
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
  const servers = new Map<string, BenchServer>();
  const turns: Turn[] = [];
  const contestants: Contestant[] = [];
  const close = async (): Promise<void> => {
    await Promise.all([...servers.values()].map((server) => server.stop()));
  };
  try {
    for (const row of options.parts.flatMap((part) => rowsOf(part, place))) {
      const name = typeof row.server === 'object' ? row.server.sql : row.server;
      const server = servers.get(name) ?? (await place.start(row.server));
      servers.set(name, server);
      if (row.server === 'bare') await giveBare(place, row);
      const load = loadOf(place, row, server, options.seconds);
      await row.before?.(place);
      await runOha(options.oha, { ...load, seconds: options.warmSeconds, perSecond: null });
      const measure = async (round: number): Promise<Turn> => {
        await row.before?.(place);
        await server.figures();
        const result = await runOha(options.oha, load);
        return { system: row.system, round, load: result, server: await server.figures() };
      };
      contestants.push(contestant(row.system, turns, measure, describe));
    }
    if (options.feast !== null) {
      const feast = await startFeast(place, options.feast);
      servers.set('feast', feast);
      contestants.push(await feastRow(place, feast, options, turns));
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { contestants, turns, close };
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
  const measure = async (round: number): Promise<Turn> => {
    await feast.figures();
    const result = await runOha(oha, load);
    return { system: 'Feast', round, load: result, server: await feast.figures() };
  };
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
async function giveBare(place: ServingPlace, { users, path, posts = false }: Row): Promise<void> {
  const api = await place.start('api');
  try {
    const answer = await fetch(`${api.url}${path(0)}`, {
      headers: { authorization: `Bearer ${place.key}`, 'content-type': 'application/json' },
      ...(posts ? { method: 'POST', body: readFileSync(place.rankBody) } : {}),
    });
    const body = Buffer.from(await answer.arrayBuffer());
    if (answer.status !== 200) throw new Error(`${path(0)}: ${answer.status} ${body.toString()}`);
    const paths = Array.from({ length: users }, (_, index) => path(index));
    await putBodies(place.redis, paths, body);
  } finally {
    await api.stop();
  }
}

function describe({ load, server }: Turn): string {
  const ms = (value: number): string => `${value.toFixed(2)} ms`;
  return (
    `${Math.round(load.perSecond).toLocaleString('en')}/s; p50 ${ms(load.p50Ms)}, ` +
    `p99 ${ms(load.p99Ms)}; ${(server.cpuUs / load.requests).toFixed(0)} us CPU; ` +
    `generator ${(load.generatorShare * 100).toFixed(0)} %`
  );
}
