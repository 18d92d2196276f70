import type { ListQuery } from '../../../serving/answers/recommender.ts';
import type { Question } from './questions.ts';
import type { Servers } from './servers.ts';

/** What the system answered. */
export interface Answered {
  readonly source: string;
  readonly algorithm: string;
  /** Epoch ms by the clock of the machine. */
  readonly madeAt: number;
  readonly movieIds: readonly number[];
}

interface AnswerJson {
  readonly source: string;
  readonly algorithm: string;
  readonly model_version: string | null;
  readonly generated_at: string;
  readonly items: readonly { readonly movie_id: number }[];
}

const QUERY: Omit<ListQuery, 'userId' | 'startedAt'> = {
  app: 'eval',
  surface: null,
  limit: 10,
  include: [],
  filter: { exclude: [], genres: [], yearFrom: null, yearTo: null },
  seen: null,
  after: null,
  personalize: true,
};

/** Asks each question once, the ranker's clock standing at `now`. Throws when another model answers. */
export async function askAll(
  servers: Servers,
  questions: readonly Question[],
  now: number,
  version: string,
): Promise<ReadonlyMap<Question, Answered>> {
  servers.setNow(now);
  const answers = new Map<Question, Answered>();
  for (const question of questions) {
    servers.signal.throwIfAborted();
    const { body } = await servers.recommender.recommend({
      ...QUERY,
      userId: question.userId,
      startedAt: performance.now(),
    });
    const json = JSON.parse(body.toString()) as AnswerJson;
    if (json.model_version !== version)
      throw new Error(`${question.userId}: answered by ${json.model_version ?? 'no model'}`);
    answers.set(question, {
      source: json.source,
      algorithm: json.algorithm,
      madeAt: Date.parse(json.generated_at),
      movieIds: json.items.map(({ movie_id }) => movie_id),
    });
  }
  return answers;
}
