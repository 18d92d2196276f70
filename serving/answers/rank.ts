import { rankMovies } from '../lists/rank-movies.ts';
import type { AnswerContext } from './context.ts';
import type { RankQuery } from './recommender.ts';
import { createSaid } from './said.ts';
import type { ServedList } from './served-list.ts';
import { askForUser } from './users-asked.ts';

/** The caller's movies in the order in which the user would like them; those not offered are left out. */
export async function rank(context: AnswerContext, query: RankQuery): Promise<ServedList> {
  const surface = context.surface(query.surface);
  const sources = context.sources();
  const said = createSaid();
  const user = sources.rankers === null ? null : await askForUser(context, query.userId, said);
  if (sources.rankers === null) said.say('similarity', 'no_model');
  const ranked = rankMovies(sources, user, query.movieIds, context.now());
  if (ranked.personal) said.say('similarity', 'used');
  else {
    if (user !== null) said.say('similarity', 'no_history');
    said.say('popular', 'used');
  }
  return {
    userId: query.userId,
    surface,
    source: ranked.personal ? 'similarity' : 'popular',
    algorithm: ranked.algorithm,
    modelVersion: ranked.personal ? (sources.rankers?.items.version ?? null) : null,
    profileVersion: user?.profileVersion ?? 0,
    madeAt: Date.now(),
    items: ranked.items.slice(0, query.limit ?? ranked.items.length),
    firstPosition: 1,
    afterRequestId: null,
    steps: said.all,
    rows: null,
  };
}
