import { userLists } from '../lists/list-maker.ts';
import { sessionHistory } from '../ranking/session-history.ts';
import type { AnswerContext } from './context.ts';
import type { SessionQuery } from './recommender.ts';
import { createSaid } from './said.ts';
import type { ServedList } from './served-list.ts';

/** A list for somebody who isn't signed in, from what the request says that they did. */
export function session(context: AnswerContext, query: SessionQuery): ServedList {
  const surface = context.surface(query.surface);
  const sources = context.sources();
  const now = context.now();
  const said = createSaid();
  const history = sessionHistory(
    query.actions.map(({ movieId, action, value, at }) => ({
      movieId,
      action,
      value,
      at: at ?? now,
    })),
  );
  const lists = userLists(sources, { profileVersion: 0, history }, now);
  const made = lists.make({
    surface,
    length: query.limit ?? surface.limit,
    filter: query.filter,
    seenPolicy: query.seen,
    firstPosition: 1,
    shown: new Map(),
  });
  if (lists.personal) said.say('similarity', 'used');
  else {
    said.say('similarity', sources.rankers === null ? 'no_model' : 'no_history');
    said.say('popular', 'used');
  }
  return {
    userId: null,
    surface,
    source: lists.personal ? 'similarity' : 'popular',
    algorithm: made.algorithm,
    modelVersion: lists.personal ? (sources.rankers?.items.version ?? null) : null,
    profileVersion: 0,
    madeAt: Date.now(),
    items: made.items,
    firstPosition: 1,
    afterRequestId: null,
    steps: said.all,
    rows: null,
  };
}
