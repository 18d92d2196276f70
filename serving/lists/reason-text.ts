import type { Reason } from '../ranking/reasons.ts';

/** A reason in one word, with the movie that it names: `because_you:318`. */
export function reasonText(reason: Reason): string {
  return 'movieId' in reason ? `${reason.kind}:${reason.movieId}` : reason.kind;
}

/** As JSON has it in an answer. */
export function reasonJson(reason: Reason): string {
  return 'movieId' in reason
    ? `{"kind":"${reason.kind}","movie_id":${reason.movieId}}`
    : `{"kind":"${reason.kind}"}`;
}
