import { userLists } from '../lists/list-maker.ts';
import type { AnswerContext } from './context.ts';
import { madeList } from './made-list.ts';
import type { PopularQuery } from './recommender.ts';
import { createSaid } from './said.ts';
import type { ServedList } from './served-list.ts';
import { askForUser, hiddenFrom } from './users-asked.ts';
import { NOTHING_SHOWN } from './wanted.ts';

/** What many do something with now, then what many liked; without what the user has seen, if one is named. */
export async function popular(context: AnswerContext, query: PopularQuery): Promise<ServedList> {
  const { userId, filter } = query;
  const surface = context.surface(query.surface);
  const sources = context.sources();
  const said = createSaid();
  const user = userId === null ? null : await askForUser(context, userId, said);
  const made = userLists(sources, null, context.now()).make({
    surface,
    length: query.limit ?? surface.limit,
    filter: { ...filter, exclude: [...filter.exclude, ...hiddenFrom(user, surface)] },
    seenPolicy: 'show',
    firstPosition: 1,
    shown: NOTHING_SHOWN,
  });
  return madeList({ userId, user, surface, sources, personal: false, made, said });
}
