import { formatUuid, parseUuid } from '../../common/uuid.ts';
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
 * no such request of this user is known, or can be known while Postgres is away: nobody continues another's
 * list, and none is continued that might repeat itself.
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
    const page: Page | 'none' | 'away' = await findPage(context, userId, requestId);
    // What can't be looked up can't be left out: better no page than one that repeats.
    if (page === 'away' || (page === 'none' && i === 0)) throw unknownRequest(after);
    if (page === 'none') break; // older than what the log keeps
    shown.push(...page.movieIds);
    if (i === 0) nextPosition = page.firstPosition + page.movieIds.length;
    requestId = page.after;
  }
  return { shown, nextPosition };
}

async function findPage(
  { postgresGuard, options }: AnswerContext,
  userId: string,
  requestId: string,
): Promise<Page | 'none' | 'away'> {
  const id = parseUuid(requestId);
  if (id === null) return 'none';
  const known = options.served(id);
  if (known !== null)
    return known.user_id === userId
      ? {
          movieIds: known.movie_ids,
          firstPosition: known.first_position,
          after: known.after_request_id === null ? null : formatUuid(known.after_request_id),
        }
      : 'none';
  const asked = await postgresGuard.ask(() =>
    options.state.pool.query<Page & Record<string, unknown>>(LOGGED, [requestId, userId]),
  );
  return asked.kind === 'got' ? (asked.value[0] ?? 'none') : 'away';
}

export function unknownRequest(requestId: string): MarqueeError {
  return new MarqueeError(
    'MARQUEE_REQUEST_UNKNOWN',
    `No list ${requestId} of this user is known. Ask for a first page without \`after\`.`,
    { field: 'after' },
  );
}
