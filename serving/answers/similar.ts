import { MarqueeError } from '../../common/error.ts';
import { userLists } from '../lists/list-maker.ts';
import type { AnswerContext } from './context.ts';
import type { SimilarQuery } from './recommender.ts';
import { createSaid } from './said.ts';
import type { ServedList } from './served-list.ts';
import { askForUser } from './users-asked.ts';

/**
 * What speaks to somebody who likes a movie: its neighbours, or by its vector where it has none, then what
 * is popular. What the user has seen is left out where one is named and the surface hides it.
 */
export async function similar(context: AnswerContext, query: SimilarQuery): Promise<ServedList> {
  const { movieId, userId } = query;
  const surface = context.surface(query.surface);
  const sources = context.sources();
  const said = createSaid();
  if (!sources.catalogue.placeOf.has(movieId))
    throw new MarqueeError('MARQUEE_MOVIE_UNKNOWN', `No movie ${movieId} is in the catalogue.`, {
      field: 'id',
    });
  const user = userId === null ? null : await askForUser(context, userId, said);
  const hidden = surface.seen === 'hide' ? (user?.history ?? []).filter((row) => row.seen) : [];
  // One whole liking, long ago: nothing of the order of actions counts.
  const history = [{ movieId, weight: 1, lastAt: 0, seen: false }];
  const lists = userLists(sources, { profileVersion: 0, history }, context.now());
  const made = lists.make({
    surface,
    length: query.limit ?? surface.limit,
    filter: {
      ...query.filter,
      exclude: [...query.filter.exclude, movieId, ...hidden.map((row) => row.movieId)],
    },
    seenPolicy: 'show',
    firstPosition: 1,
    shown: new Map(),
  });
  if (lists.personal) said.say('similarity', 'used');
  else {
    said.say('similarity', sources.rankers === null ? 'no_model' : 'no_history');
    said.say('popular', 'used');
  }
  return {
    userId,
    surface,
    source: lists.personal ? 'similarity' : 'popular',
    algorithm: made.algorithm,
    modelVersion: lists.personal ? (sources.rankers?.items.version ?? null) : null,
    profileVersion: user?.profileVersion ?? 0,
    madeAt: Date.now(),
    items: made.items,
    firstPosition: 1,
    afterRequestId: null,
    steps: said.all,
    rows: null,
  };
}
