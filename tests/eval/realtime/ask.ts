import { MINUTE_MS } from '../../../common/time.ts';
import type { ListQuery } from '../../../serving/answers/recommender.ts';
import { parseAnswer } from '../../support/serving/answer-body.ts';
import { until } from '../../support/until.ts';
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

async function ask({ recommender }: Servers, userId: string): Promise<AnswerJson> {
  const answer = await recommender.recommend({
    ...QUERY,
    userId,
    startedAt: performance.now(),
  });
  return parseAnswer(answer) as AnswerJson;
}

/** Resolves when the model serves; `userId` is somebody who asks nothing else, but of whom something is known. */
export async function serves(servers: Servers, version: string, userId: string): Promise<void> {
  await until(`model ${version} to serve`, MINUTE_MS, async () => {
    servers.signal.throwIfAborted();
    return (await ask(servers, userId)).model_version === version;
  });
}

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
    const json = await ask(servers, question.userId);
    if (json.source !== 'popular' && json.model_version !== version)
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
