import type { ListItem, RecommendationList } from './list.ts';
import { reasonJson } from './reason-text.ts';

/*
 * An answer is `{"request_id":"...","source":"cache",` + head + items + `]}`: what is the same for all
 * answers of a list is written once, with the list.
 */

/** What an answer says of its list as a whole. */
export type AnswerHead = Pick<
  RecommendationList,
  'surface' | 'surfaceVersion' | 'algorithm' | 'modelVersion' | 'profileVersion' | 'madeAt'
> & { readonly userId: string | null };

/** All but the request's own fields and the items. */
export function answerHead(list: AnswerHead): string {
  const { userId, surface, surfaceVersion, algorithm, modelVersion, profileVersion, madeAt } = list;
  return (
    `"user_id":${JSON.stringify(userId)},"surface":"${surface}",` +
    `"surface_version":"${surfaceVersion}","algorithm":"${algorithm}",` +
    `"model_version":${modelVersion === null ? 'null' : `"${modelVersion}"`},` +
    `"profile_version":${profileVersion},"generated_at":"${new Date(madeAt).toISOString()}","items":[`
  );
}

/** One item; `position` counts from 1 over all pages. */
export function itemJson(item: ListItem, position: number, fields = ''): string {
  return (
    `{"movie_id":${item.movieId},"position":${position},"score":${rounded(item.score)},` +
    `"reason":${reasonJson(item.reason)}${fields}}`
  );
}

function rounded(score: number): number {
  return Math.round(score * 10_000) / 10_000;
}
