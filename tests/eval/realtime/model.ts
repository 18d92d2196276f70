import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BatchReport } from '../../../cli/batch/run.ts';
import { cutAt } from './questions.ts';
import type { Rating } from './ratings.ts';
import type { Servers } from './servers.ts';

type ByUser = ReadonlyMap<string, readonly Rating[]>;

const SIDE_FILES = ['movies.csv', 'links.csv', 'tags.csv'];

/** Backfills the catalogue and the first share of each user's ratings, as a MovieLens folder. */
export async function bringFirst(
  servers: Servers,
  data: string,
  folder: string,
  byUser: ByUser,
  share: number,
): Promise<void> {
  const set = join(folder, 'first');
  await mkdir(set);
  for (const name of SIDE_FILES) await copyFile(join(data, name), join(set, name));
  const rows = [...byUser].flatMap(([person, ratings]) =>
    ratings
      .slice(0, cutAt(ratings.length, share))
      .map(({ movieId, rating, at }) => `${person},${movieId},${rating},${at / 1000}`),
  );
  const lines = ['userId,movieId,rating,timestamp', ...rows, ''];
  await writeFile(join(set, 'ratings.csv'), lines.join('\n'));
  await servers.marquee(['backfill', set]);
}

/** Backfills what lies between two shares of each user's ratings. */
export async function bringMore(
  servers: Servers,
  folder: string,
  byUser: ByUser,
  [from, to]: readonly [number, number],
): Promise<void> {
  const more = new Map(
    [...byUser].map(([person, ratings]) => [
      person,
      ratings.slice(cutAt(ratings.length, from), cutAt(ratings.length, to)),
    ]),
  );
  await bringHistory(servers, join(folder, 'more.jsonl'), more);
}

/** Backfills ratings as lines of JSON. */
export async function bringHistory(servers: Servers, file: string, byUser: ByUser): Promise<void> {
  const lines = [...byUser].flatMap(([userId, ratings]) =>
    ratings.map(({ movieId, rating, at }) =>
      JSON.stringify({ userId, action: 'rate', movieId, value: rating, occurredAt: at }),
    ),
  );
  if (lines.length === 0) return;
  await writeFile(file, `${lines.join('\n')}\n`);
  await servers.marquee(['backfill', file]);
}

/** Trains on all that was brought in. The lists are judged here: a gate that refuses would leave none. */
export async function train(
  servers: Servers,
  seed: number,
  options: readonly string[],
): Promise<BatchReport> {
  const open = ['gate.popularity_ratio=0', 'gate.coverage_min=0', 'gate.active_margin=1'];
  const args = ['batch', 'run', '--json', '--no-promote', '--seed', String(seed)];
  const given = open.flatMap((setting) => ['--set', setting]);
  return JSON.parse(await servers.marquee([...args, ...given, ...options])) as BatchReport;
}
