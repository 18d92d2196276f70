import { MarqueeError } from '../../common/error.ts';
import type { AnswerContext } from './context.ts';

/** What earlier pages of a list have shown. */
export interface EarlierPages {
  /** All of them, the last page's and those before. */
  readonly shown: readonly number[];
  /** Position of the next page's first item. */
  readonly nextPosition: number;
}

export const NO_PAGES: EarlierPages = { shown: [], nextPosition: 1 };

interface Page {
  readonly movieIds: readonly number[];
  readonly firstPosition: number;
  readonly after: string | null;
}

/** More pages than anybody reads; 20 of 100 movies each. */
const PAGES_MAX = 20;

const LOGGED = `
  SELECT movie_ids AS "movieIds", first_position AS "firstPosition",
         after_request_id::text AS "after"
    FROM recommendation_logs WHERE request_id = $1::uuid AND user_id = $2`;

/**
 * The pages that lead to a request, from memory or from the serve log. Throws MARQUEE_REQUEST_UNKNOWN when
 * there is no such request of this user: nobody continues another's list.
 */
export async function earlierPages(
  context: AnswerContext,
  userId: string,
  after: string,
): Promise<EarlierPages> {
  const shown: number[] = [];
  let nextPosition = 1;
  let requestId: string | null = after;
  for (let i = 0; i < PAGES_MAX && requestId !== null; i++) {
    const page: Page | null = await findPage(context, userId, requestId);
    if (page === null) {
      if (i > 0) break; // older than what the log keeps
      throw unknownRequest(after);
    }
    shown.push(...page.movieIds);
    if (i === 0) nextPosition = page.firstPosition + page.movieIds.length;
    requestId = page.after;
  }
  return { shown, nextPosition };
}

async function findPage(
  { recent, postgresGuard, options }: AnswerContext,
  userId: string,
  requestId: string,
): Promise<Page | null> {
  const known = recent.get(requestId)?.list();
  if (known !== undefined)
    return known.userId === userId
      ? {
          movieIds: known.items.map(({ movieId }) => movieId),
          firstPosition: known.firstPosition,
          after: known.afterRequestId,
        }
      : null;
  const asked = await postgresGuard.ask(() =>
    options.state.pool.query<Page & Record<string, unknown>>(LOGGED, [requestId, userId]),
  );
  return asked.kind === 'got' ? (asked.value[0] ?? null) : null;
}

export function unknownRequest(requestId: string): MarqueeError {
  return new MarqueeError(
    'MARQUEE_REQUEST_UNKNOWN',
    `No list ${requestId} of this user is known. Ask for a first page without \`after\`.`,
    { field: 'after' },
  );
}
