import { answerJson } from './send.ts';
import { createAnswerContext } from './context.ts';
import type { AnswerContext, AnswerOptions } from './context.ts';
import { sendStored } from './hit.ts';
import { explain } from './explain.ts';
import { popular } from './popular.ts';
import { rank } from './rank.ts';
import { recommend } from './recommend.ts';
import type { Answer, MovieField, Recommender } from './recommender.ts';
import { rows, rowsJson } from './rows.ts';
import type { ServedList } from './served-list.ts';
import { session } from './session.ts';
import { similar } from './similar.ts';

interface Asked {
  readonly startedAt: number;
  readonly app: string;
  readonly include: readonly MovieField[];
}

/** Answers questions, and logs each list before it goes out. */
export function createRecommender(options: AnswerOptions): Recommender {
  const context = createAnswerContext(options);

  async function answer(list: ServedList, asked: Asked): Promise<Answer> {
    const requestId = await context.logged(list, asked);
    const { catalogue } = context.sources();
    const body = Buffer.from(answerJson(list, requestId, asked.include, catalogue));
    return { body, source: list.source };
  }

  return {
    async recommend(query) {
      const found = await recommend(context, query);
      if ('stored' in found) return sendStored(context, found.stored, query);
      return answer(found, query);
    },
    rank: async (query) => answer(await rank(context, query), query),
    session: async (query) => answer(await session(context, query), query),
    similar: async (query) => answer(await similar(context, query), query),
    popular: async (query) => answer(await popular(context, query), query),
    async rows(query) {
      const page = await rows(context, query);
      const requestId = await context.logged(page.list, query);
      const body = Buffer.from(rowsJson(page, requestId, query.include, catalogueOf(context)));
      return { body, source: page.list.source };
    },
    explain: (requestId) => explain(context, requestId),
  };
}

function catalogueOf(context: AnswerContext) {
  return context.sources().catalogue;
}
