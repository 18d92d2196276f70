import { join } from 'node:path';
import { setImmediate as nextTick } from 'node:timers/promises';
import { HOUR_MS, MINUTE_MS } from '../../../common/time.ts';
import { formatCount } from '../../../cli/terminal/format.ts';
import type { Step } from '../../../cli/terminal/progress.ts';
import { throttled } from '../../../cli/terminal/throttled.ts';
import { PROCESSORS } from '../../../streams/index.ts';
import type { Processor } from '../../../streams/runtime/processor.ts';
import { until } from '../../support/until.ts';
import { bringHistory } from './model.ts';
import { shifted } from './questions.ts';
import type { Question } from './questions.ts';
import type { Servers } from './servers.ts';

/** What is this much older than the question comes by backfill: an hour before it would be too late. */
const STREAMED_MS = 23 * HOUR_MS;
const EVENTS_A_ROUND = 1_000;
const CAUGHT_UP_MS = 20 * MINUTE_MS;
const TABLES = ['user_profiles', 'user_history'];

export interface Brought {
  readonly streamed: number;
  readonly backfilled: number;
}

/** Brings the askers' histories in, each moved so that its question falls on `now`. */
export async function bringAskers(
  servers: Servers,
  folder: string,
  questions: readonly Question[],
  now: number,
  step: Step,
): Promise<Brought> {
  const since = now - STREAMED_MS;
  const histories = questions.map((question) => ({
    userId: question.userId,
    ratings: shifted(question, now),
  }));
  const older = new Map(
    histories.map(({ userId, ratings }) => [userId, ratings.filter(({ at }) => at < since)]),
  );
  const backfilled = [...older.values()].reduce((sum, { length }) => sum + length, 0);
  const name = [...new Set(questions.map(({ kind }) => kind))].join('-');
  step.update(`backfilling ${formatCount(backfilled)} older actions`);
  await bringHistory(servers, join(folder, `${name}.jsonl`), older);
  step.update('rebuilding profiles from the archive');
  await servers.marquee(['rebuild', ...TABLES, '--from-archive', '--swap']);
  const recent = histories
    .flatMap(({ userId, ratings }) => ratings.map((rating) => ({ userId, ...rating })))
    .filter(({ at }) => at >= since)
    .sort((a, b) => a.at - b.at);
  await stream(servers, recent, throttled(step));
  step.update('waiting for the processors');
  await processed(servers);
  return { streamed: recent.length, backfilled };
}

async function stream(
  { producer, signal }: Servers,
  ratings: readonly { userId: string; movieId: number; rating: number; at: number }[],
  update: (text: string) => void,
): Promise<void> {
  for (let sent = 0; sent < ratings.length; sent += EVENTS_A_ROUND) {
    signal.throwIfAborted();
    const round = ratings.slice(sent, sent + EVENTS_A_ROUND);
    const deliveries = round.map(
      ({ userId, movieId, rating, at }) =>
        producer.rate({ userId, movieId, value: rating, occurredAt: at }).delivered,
    );
    await Promise.all(deliveries);
    update(`streaming ${formatCount(sent)} of ${formatCount(ratings.length)} recent actions`);
    await nextTick();
  }
}

/** Resolves when every action is in the profiles and every changed profile has its list. */
async function processed({ environment, signal }: Servers): Promise<void> {
  const of = (name: string): Processor[] => [PROCESSORS[name] as Processor];
  await environment.caughtUp(of('profiles'), CAUGHT_UP_MS);
  signal.throwIfAborted();
  await until('profile changes sent', MINUTE_MS, async () => {
    const [left] = await environment.db.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM profile_outbox',
    );
    return left?.n === 0;
  });
  await environment.caughtUp(of('recommendations'), CAUGHT_UP_MS);
  signal.throwIfAborted();
}
