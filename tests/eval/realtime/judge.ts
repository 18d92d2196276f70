import { DAY_MS } from '../../../common/time.ts';
import { loadModel } from '../../../serving/state/load-model.ts';
import { interval, mean, ndcg } from '../figures.ts';
import type { Interval } from '../figures.ts';
import { askAll, serves } from './ask.ts';
import type { Answered } from './ask.ts';
import { createPureRanker } from './pure.ts';
import { shifted } from './questions.ts';
import type { Kind, Question } from './questions.ts';
import type { Servers } from './servers.ts';

/** How the lists of one kind of places did. NDCG@10 throughout. */
export interface Judged {
  readonly kind: Kind;
  readonly users: number;
  /** Lists by where they came from. */
  readonly sources: Readonly<Record<string, number>>;
  readonly system: Interval;
  /** Asked of the same system a month later: by then the order of the last actions says nothing. */
  readonly unordered: Interval;
  readonly unorderedSources: Readonly<Record<string, number>>;
  /** The system's over that without order, by user. */
  readonly gain: Interval;
  readonly ranker: Interval;
  readonly rankerGain: Interval;
  readonly nightly: Interval;
  readonly popularity: Interval;
  /** Shares of lists whose first 10 are the ranker's own. */
  readonly identical: {
    /** At the moment that the list was made. */
    readonly asMade: number;
    /** At the moment of the question. */
    readonly asAsked: number;
    readonly unordered: number;
  };
}

/** When nothing of the boost is left. */
const LATER_MS = 30 * DAY_MS;

/** Asks all questions as of `now`, and again a month later, and holds the answers against what was liked. */
export async function judge(
  servers: Servers,
  questions: readonly Question[],
  { now, version, seed }: { readonly now: number; readonly version: string; readonly seed: number },
): Promise<Judged[]> {
  const { db } = servers.environment;
  const [{ movies } = { movies: [] }] = await db.query<{ movies: string[] }>(
    "SELECT coalesce(array_agg(movie_id), '{}')::text[] AS movies FROM movies WHERE withdrawn_at IS NULL",
  );
  const ranker = createPureRanker(await loadModel(db, version, 0), new Set(movies.map(Number)));
  const nightly = await nightlyLists(servers, version);
  await serves(servers, version, questions[0]?.person ?? '');
  const answers = await askAll(servers, questions, now, version);
  const later = await askAll(servers, questions, now + LATER_MS, version);
  const kinds = [...new Set(questions.map(({ kind }) => kind))];
  return kinds.map((kind) => {
    const cases = questions
      .filter((question) => question.kind === kind)
      .map((question): Case => {
        const history = shifted(question, now);
        const known = new Set(history.map(({ movieId }) => movieId));
        const answered = answers.get(question) as Answered;
        const madeAt = answered.source === 'cache' ? answered.madeAt : now;
        return {
          relevant: question.relevant,
          answered,
          later: later.get(question) as Answered,
          asMade: ranker.list(history, madeAt) ?? [],
          asAsked: ranker.list(history, now) ?? [],
          unordered: ranker.list(history, now + LATER_MS) ?? [],
          nightly: (nightly.get(question.person) ?? []).filter((id) => !known.has(id)),
          popular: ranker.popular(history),
        };
      });
    return { kind, ...figuresOf(cases, seed) };
  });
}

interface Case {
  readonly relevant: ReadonlySet<number>;
  readonly answered: Answered;
  readonly later: Answered;
  /** The ranker's own lists. */
  readonly asMade: readonly number[];
  readonly asAsked: readonly number[];
  readonly unordered: readonly number[];
  readonly nightly: readonly number[];
  readonly popular: readonly number[];
}

function figuresOf(cases: readonly Case[], seed: number): Omit<Judged, 'kind'> {
  const each = (list: (one: Case) => readonly number[]): number[] =>
    cases.map((one) => ndcg(list(one), one.relevant));
  const system = each(({ answered }) => answered.movieIds);
  const unordered = each(({ later }) => later.movieIds);
  const ranker = each(({ asAsked }) => asAsked);
  const rankerUnordered = each((one) => one.unordered);
  const over = (values: readonly number[], others: readonly number[]): Interval =>
    interval(
      values.map((value, i) => value - (others[i] as number)),
      seed,
    );
  const share = (holds: (one: Case) => boolean): number =>
    mean(cases.map((one) => Number(holds(one))));
  return {
    users: cases.length,
    sources: counted(cases.map(({ answered }) => answered.source)),
    system: interval(system, seed),
    unordered: interval(unordered, seed),
    unorderedSources: counted(cases.map(({ later }) => later.source)),
    gain: over(system, unordered),
    ranker: interval(ranker, seed),
    rankerGain: over(ranker, rankerUnordered),
    nightly: interval(
      each((one) => one.nightly),
      seed,
    ),
    popularity: interval(
      each((one) => one.popular),
      seed,
    ),
    identical: {
      asMade: share(({ answered, asMade }) => isAlike(answered.movieIds, asMade)),
      asAsked: share(({ answered, asAsked }) => isAlike(answered.movieIds, asAsked)),
      unordered: share((one) => isAlike(one.later.movieIds, one.unordered)),
    },
  };
}

function isAlike(a: readonly number[], b: readonly number[]): boolean {
  return a.join() === b.join();
}

function counted(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

/** By the person of the data: what the nightly run made of the part that it was trained on. */
async function nightlyLists(
  { environment }: Servers,
  version: string,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const rows = await environment.db.query<{ userId: string; movies: string[] }>(
    `SELECT user_id AS "userId", array_agg(movie_id ORDER BY rank)::text[] AS movies
       FROM batch_recommendations WHERE model_version = $1 GROUP BY user_id`,
    [version],
  );
  return new Map(rows.map(({ userId, movies }) => [userId, movies.map(Number)]));
}
