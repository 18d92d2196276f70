import { pause } from '../../common/backoff.ts';
import type { Producer } from '../../sdk/src/producer.ts';
import type { ApiClient, ApiList } from './api-client.ts';

const SHOWN = 5;
const WAIT_MS = 10_000;
const LOOK_MS = 20;

/** One user's list, an action, and the list after it, with the time that took. */
export async function showChange(
  client: ApiClient,
  producer: Producer,
  userId: string,
  signal: AbortSignal,
): Promise<string> {
  const query = `?limit=${SHOWN}&include=title`;
  // The whole list, so that a movie is rated which stands further down.
  const long = await client.list(userId, '?limit=50&include=title');
  const rated = long.items.at(-1);
  const before = await client.list(userId, query);
  if (rated === undefined) return '';
  const begin = performance.now();
  await producer.rate({ userId, movieId: rated.movie_id, value: 5 }).delivered;
  let after = before;
  while (performance.now() - begin < WAIT_MS && !signal.aborted) {
    after = await client.list(userId, query);
    if (after.profile_version > before.profile_version) break;
    await pause(LOOK_MS, signal);
  }
  const ms = Math.round(performance.now() - begin);
  return [
    '',
    `Live: the list of user ${userId}`,
    ...describe(before),
    `rates "${rated.title ?? rated.movie_id}" 5 stars; ${ms} ms later`,
    ...describe(after),
  ].join('\n');
}

function describe({ source, items }: ApiList): string[] {
  return items.map(
    ({ title, movie_id, position, reason }) =>
      `  ${position}. ${title ?? movie_id}  (${reason.kind}${reason.movie_id === undefined ? '' : ` ${reason.movie_id}`}; ${source})`,
  );
}
