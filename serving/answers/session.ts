import { userLists } from '../lists/list-maker.ts';
import { sessionHistory } from '../ranking/session-history.ts';
import type { AnswerContext } from './context.ts';
import { madeList } from './made-list.ts';
import type { SessionQuery } from './recommender.ts';
import { firstOf } from './likeness.ts';
import { createSaid } from './said.ts';
import type { ServedList } from './served-list.ts';
import { NOTHING_SHOWN } from './wanted.ts';

/** A list for somebody who isn't signed in, from what the request says that they did. */
export async function session(context: AnswerContext, query: SessionQuery): Promise<ServedList> {
  const surface = context.surface(query.surface);
  const sources = context.sources();
  const now = context.now();
  const said = createSaid();
  const acts = query.actions.map((action) => ({ ...action, at: action.at ?? now }));
  const user = { profileVersion: 0, history: sessionHistory(acts) };
  const lists = userLists(sources, user, now);
  const first = await firstOf(context, sources, lists.personal, user.history);
  const made = lists.make({
    first,
    surface,
    length: query.limit ?? surface.limit,
    filter: query.filter,
    seenPolicy: query.seen,
    firstPosition: 1,
    shown: NOTHING_SHOWN,
  });
  const personal = lists.personal || first !== null;
  if (!personal) said.say('similarity', sources.rankers === null ? 'no_model' : 'no_history');
  return madeList({ userId: null, user, surface, sources, personal, made, said });
}
