import { formatUuid, uuidv7 } from '../../../common/uuid.ts';
import type { Answer, Recommender } from '../../../serving/answers/recommender.ts';

export interface TinyRecommender extends Recommender {
  /** Each question with the name of its call, in their order. */
  readonly asked: readonly { readonly call: string; readonly query: unknown }[];
}

/** Answers at once with the same three movies, and keeps what it was asked. */
export function createTinyRecommender(): TinyRecommender {
  const asked: { call: string; query: unknown }[] = [];
  const served = new Map<string, Buffer>();

  function answer(call: string, query: { readonly surface: string | null }): Promise<Answer> {
    asked.push({ call, query });
    const userId = (query as { readonly userId?: string | null }).userId ?? null;
    const requestId = formatUuid(uuidv7(Date.now()));
    const source = call === 'popular' ? 'popular' : 'similarity';
    const list = {
      request_id: requestId,
      user_id: userId,
      surface: query.surface ?? 'home',
      source,
      algorithm: 'tiny',
      model_version: null,
      surface_version: '0123456789ab',
      profile_version: 0,
      generated_at: new Date().toISOString(),
    };
    const body = Buffer.from(
      JSON.stringify(
        call === 'rows'
          ? { ...list, rows: [{ kind: 'popular', title: 'All', items }] }
          : { ...list, items },
      ),
    );
    const why = { ...list, served_at: list.generated_at, steps: [], items: [] };
    served.set(requestId, Buffer.from(JSON.stringify(why)));
    return Promise.resolve({ body, source });
  }

  return {
    asked,
    recommend: (query) => answer('recommend', query),
    rows: (query) => answer('rows', query),
    rank: (query) => answer('rank', query),
    session: (query) => answer('session', query),
    similar: (query) => answer('similar', query),
    popular: (query) => answer('popular', query),
    explain(requestId) {
      const body = served.get(requestId);
      return Promise.resolve(body === undefined ? null : { body });
    },
  };
}

const items = [318, 296, 356].map((movieId, index) => ({
  movie_id: movieId,
  position: index + 1,
  score: 1 / (index + 1),
  reason: { kind: 'popular' },
}));
