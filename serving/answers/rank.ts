import { rankMovies } from '../lists/rank-movies.ts';
import type { AnswerContext } from './context.ts';
import { madeList } from './made-list.ts';
import type { RankQuery } from './recommender.ts';
import { createSaid } from './said.ts';
import type { ServedList } from './served-list.ts';
import { askForUser } from './users-asked.ts';

/** The caller's movies in the order in which the user would like them; those not offered are left out. */
export async function rank(context: AnswerContext, query: RankQuery): Promise<ServedList> {
  const { userId, movieIds, limit } = query;
  const surface = context.surface(query.surface);
  const sources = context.sources();
  const said = createSaid();
  if (sources.rankers === null) said.say('similarity', 'no_model');
  const user = sources.rankers === null ? null : await askForUser(context, userId, said);
  const { personal, algorithm, items } = rankMovies(sources, user, movieIds, context.now());
  if (!personal && user !== null) said.say('similarity', 'no_history');
  const made = { algorithm, items: items.slice(0, limit ?? items.length) };
  return madeList({ userId, user, surface, sources, personal, made, said });
}
