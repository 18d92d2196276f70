import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatCount } from '../../../cli/terminal/format.ts';
import type { Progress } from '../../../cli/terminal/progress.ts';
import { stepOf } from '../../../cli/terminal/steps.ts';
import { judge } from './judge.ts';
import type { Judged } from './judge.ts';
import { bringAskers } from './live.ts';
import type { Brought } from './live.ts';
import { bringFirst, bringMore, train } from './model.ts';
import { MODEL_SHARE, questionsOf } from './questions.ts';
import type { Kind } from './questions.ts';
import type { Ratings } from './ratings.ts';
import { startServers } from './servers.ts';
import type { Servers } from './servers.ts';

/** `cut`: the live protocol; `places`: within a visit, and back after an hour. */
export type Round = 'cut' | 'places';

export interface RealtimeOptions {
  /** A MovieLens folder. */
  readonly data: string;
  readonly ratings: Ratings;
  /** So many people ask; the model learns from all. */
  readonly usersMax: number;
  readonly seed: number;
  /** Places to judge: each asks for a model of its own. */
  readonly rounds: readonly Round[];
  /** More options of the nightly run. */
  readonly batch: readonly string[];
}

export interface Evaluated {
  readonly judged: readonly Judged[];
  readonly brought: Brought;
  /** Model versions by the share of each user's ratings that they learnt from. */
  readonly models: Readonly<Record<number, string>>;
}

/** Runs the whole system on a stack of its own, which is gone afterwards, and judges what it answers. */
export async function evaluateRealtime(
  options: RealtimeOptions,
  signal: AbortSignal,
  progress: Progress,
): Promise<Evaluated> {
  const folder = await mkdtemp(join(tmpdir(), 'marquee-eval-'));
  try {
    const servers = await startServers(signal, progress);
    try {
      return await evaluate(options, servers, folder, progress);
    } finally {
      await servers.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const KINDS: Readonly<Record<Round, readonly Kind[]>> = {
  cut: ['live'],
  places: ['visit', 'pause'],
};
const SHARES: Readonly<Record<Round, number>> = {
  cut: MODEL_SHARE.live,
  places: MODEL_SHARE.visit,
};

async function evaluate(
  options: RealtimeOptions,
  servers: Servers,
  folder: string,
  progress: Progress,
): Promise<Evaluated> {
  const { ratings, usersMax, rounds } = options;
  const models = await trainAll(options, servers, folder, progress);
  const questions = [...ratings.byUser]
    .slice(0, usersMax)
    .flatMap(([person, own]) => questionsOf(person, own));
  const judged: Judged[] = [];
  let brought: Brought = { streamed: 0, backfilled: 0 };
  for (const round of rounds) {
    const kinds = KINDS[round];
    const asked = questions.filter(({ kind }) => kinds.includes(kind));
    const version = models.get(SHARES[round]) as string;
    await stepOf(progress, kinds.join(', '), async (step) => {
      await servers.marquee(['model', 'promote', version]);
      // Whole seconds, as the data's times are.
      const now = Math.floor(Date.now() / 1000) * 1000;
      const { streamed, backfilled } = await bringAskers(servers, folder, asked, now, step);
      brought = {
        streamed: brought.streamed + streamed,
        backfilled: brought.backfilled + backfilled,
      };
      step.update(`asking ${formatCount(asked.length)} questions, twice`);
      judged.push(...(await judge(servers, asked, { now, version, seed: options.seed })));
      step.done(`${formatCount(asked.length)} lists, ${formatCount(streamed)} actions streamed`);
    });
  }
  return { judged, brought, models: Object.fromEntries(models) };
}

/** A model for each share that is asked for, the smallest first: what is brought in stays. */
async function trainAll(
  { data, ratings, seed, rounds, batch }: RealtimeOptions,
  servers: Servers,
  folder: string,
  progress: Progress,
): Promise<ReadonlyMap<number, string>> {
  const shares = [...new Set(rounds.map((round) => SHARES[round]))].sort((a, b) => a - b);
  const models = new Map<number, string>();
  let before = 0;
  for (const share of shares) {
    const from = before;
    await stepOf(progress, `model of ${share * 100} %`, async (step) => {
      step.update('backfilling');
      if (from === 0) await bringFirst(servers, data, folder, ratings.byUser, share);
      else await bringMore(servers, folder, ratings.byUser, [from, share]);
      step.update('training');
      const { version, events, kind } = await train(servers, seed, batch);
      models.set(share, version);
      step.done(`${version}, ${formatCount(events)} events, ${kind}`);
    });
    before = share;
  }
  return models;
}
