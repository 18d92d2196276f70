import { MarqueeError } from '../../common/error.ts';
import { userLists } from '../lists/list-maker.ts';
import type { AnswerContext } from './context.ts';
import { madeList } from './made-list.ts';
import type { SimilarQuery } from './recommender.ts';
import { firstOf } from './likeness.ts';
import { createSaid } from './said.ts';
import type { ServedList } from './served-list.ts';
import { askForUser, hiddenFrom } from './users-asked.ts';
import { NOTHING_SHOWN } from './wanted.ts';

/**
 * What speaks to somebody who likes a movie: its neighbours, or by its vector where it has none, then what
 * is popular. Without what the user has seen, if one is named and the surface hides that.
 */
export async function similar(context: AnswerContext, query: SimilarQuery): Promise<ServedList> {
  const { movieId, userId, filter } = query;
  const surface = context.surface(query.surface);
  const sources = context.sources();
  const said = createSaid();
  if (!sources.catalogue.placeOf.has(movieId))
    throw new MarqueeError('MARQUEE_MOVIE_UNKNOWN', `No movie ${movieId} is in the catalogue.`, {
      field: 'id',
    });
  const user = userId === null ? null : await askForUser(context, userId, said);
  const like = likeOf(movieId);
  const lists = userLists(sources, like, context.now());
  const first = await firstOf(context, sources, lists.personal, like.history);
  const made = lists.make({
    first,
    surface,
    length: query.limit ?? surface.limit,
    filter: { ...filter, exclude: [...filter.exclude, movieId, ...hiddenFrom(user, surface)] },
    seenPolicy: 'show',
    firstPosition: 1,
    shown: NOTHING_SHOWN,
  });
  const personal = lists.personal || first !== null;
  if (!personal) said.say('similarity', sources.rankers === null ? 'no_model' : 'no_history');
  return madeList({ userId, user, surface, sources, personal, made, said });
}

/** Somebody who liked one movie, long ago: nothing of the order of actions counts. */
export function likeOf(movieId: number) {
  return { profileVersion: 0, history: [{ movieId, weight: 1, lastAt: 0, seen: false }] };
}
