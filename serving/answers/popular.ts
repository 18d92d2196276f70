import { userLists } from '../lists/list-maker.ts';
import type { AnswerContext } from './context.ts';
import type { PopularQuery } from './recommender.ts';
import type { ServedList } from './served-list.ts';

/** What many do something with now, then what many liked. Nothing of the user decides what is in it. */
export function popular(context: AnswerContext, query: PopularQuery): ServedList {
  const surface = context.surface(query.surface);
  const made = userLists(context.sources(), null, context.now()).make({
    surface,
    length: query.limit ?? surface.limit,
    filter: query.filter,
    seenPolicy: 'show',
    firstPosition: 1,
    shown: new Map(),
  });
  return {
    userId: query.userId,
    surface,
    source: 'popular',
    algorithm: made.algorithm,
    modelVersion: null,
    profileVersion: 0,
    madeAt: Date.now(),
    items: made.items,
    firstPosition: 1,
    afterRequestId: null,
    steps: ['popular:used'],
    rows: null,
  };
}
