import { expect } from 'vitest';
import { until } from '../until.ts';
import { startLoad } from './load.ts';
import type { Asked, Load } from './load.ts';
import { SURFACES, USERS } from './marked.ts';
import { createQuestions } from './questions.ts';
import { faultOf, sourcesOf } from './verdict.ts';
import type { AnswerJson } from './verdict.ts';
import type { World } from './world.ts';

export const PER_SECOND = 200;

/** What was asked while something went on, with the request ids of all that were answered. */
export interface UnderLoad {
  readonly load: Load;
  /** Notes the time, from which on something is away. */
  struck(): number;
}

/**
 * Does something under a load of questions of all kinds. Whatever it was: reads were answered, but for the
 * first second after a strike, and no answer held another's list. Returns all that was asked.
 */
export async function underLoad(
  world: World,
  url: () => string | null,
  work: (under: UnderLoad) => Promise<void>,
  seed = 14,
): Promise<readonly Asked[]> {
  const strikes: number[] = [];
  const load = startLoad({
    url,
    key: world.key,
    perSecond: PER_SECOND,
    question: createQuestions(seed),
  });
  try {
    await load.more(50);
    await work({
      load,
      struck() {
        const now = Date.now();
        strikes.push(now);
        return now;
      },
    });
  } finally {
    await load.stop();
  }
  const all = load.asked;
  const excused = ({ startedAt, endedAt }: Asked): boolean =>
    strikes.some((at) => endedAt >= at && startedAt < at + 1_000);
  const refused = all.filter((one) => one.status !== 200 && !excused(one));
  expect(refused.slice(0, 3).map(briefly), `${refused.length} of ${all.length} refused`).toEqual(
    [],
  );
  expect(faultsIn(world, all)).toEqual([]);
  return all;
}

/** Waits until each user's list of each surface came from Redis again, and sees that it goes on so. */
export async function cachedAgain(load: Load): Promise<void> {
  const since = Date.now();
  const lists = USERS.length * SURFACES.length;
  const fromRedis = (): number => {
    const found = load.asked.filter(
      ({ question, startedAt, text }) =>
        startedAt >= since && question.whom === 'acts' && text.includes('"source":"cache"'),
    );
    return new Set(found.map(({ question }) => `${question.userId} ${question.surface}`)).size;
  };
  await until('all lists to come from Redis', 30_000, () => fromRedis() === lists, fromRedis);
  const back = Date.now();
  await load.more(200);
  expect(sourcesOf(load.asked, 'acts', back)).toEqual(['cache']);
}

export function faultsIn(world: World, asked: readonly Asked[]): string[] {
  return asked
    .map((one) => faultOf(one, world.truth))
    .filter((fault) => fault !== null)
    .slice(0, 3);
}

function briefly({ question, status, text }: Asked): string {
  return `${question.path}: ${status} ${text.slice(0, 300)}`;
}

export function idsOf(asked: readonly Asked[]): string[] {
  return asked
    .filter(({ status }) => status === 200)
    .map(({ text }) => (JSON.parse(text) as AnswerJson).request_id);
}

/** Waits until each list that was answered with has its row in recommendation_logs; once it has. */
export async function allLogged(
  { environment, processors }: World,
  asked: readonly Asked[],
  lost = 0,
): Promise<void> {
  const ids = idsOf(asked);
  expect(new Set(ids).size).toBe(ids.length);
  const count = async (): Promise<number> => {
    const [row] = await environment.db.patient<{ n: number }>(
      `SELECT count(*)::int AS n FROM recommendation_logs WHERE request_id = ANY($1::uuid[])`,
      [ids],
    );
    return row?.n ?? 0;
  };
  await until(
    `${ids.length - lost} rows in recommendation_logs`,
    60_000,
    async () => (await count()) >= ids.length - lost,
    async () => `${await count()} rows\n${processors.tail(5)}`,
  );
  expect(await count()).toBe(ids.length - lost);
}
