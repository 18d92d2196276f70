import type { ServingPlace } from './place.ts';
import { addModel } from './world.ts';

export interface MemoryResult {
  readonly movies: number;
  readonly rssBytes: number;
}

/** Versions of the model are told apart by their time. */
const versionAt = (index: number): string => `2026010${index + 2}T000000Z`;

/** What the API holds with the model that serves, and with larger ones that take its place. */
export async function measureMemory(
  place: ServingPlace,
  growth: readonly number[],
  show: (result: MemoryResult) => void,
): Promise<MemoryResult[]> {
  const results = [await measure(place, place.size.movies)];
  show(results[0] as MemoryResult);
  for (const [index, movies] of growth.entries()) {
    await addModel(place.stack, { version: versionAt(index), movies, batchUsers: 1 });
    const result = await measure(place, movies);
    show(result);
    results.push(result);
  }
  return results;
}

/** After a start, and a hundred computed answers. */
async function measure(place: ServingPlace, movies: number): Promise<MemoryResult> {
  const server = await place.start('api without lists');
  try {
    await place.coldRedis.flushdb();
    for (let user = 1; user <= 100; user++)
      await fetch(`${server.url}/v1/users/user-${user}/recommendations`, {
        headers: { authorization: `Bearer ${place.key}` },
      }).then((answer) => answer.arrayBuffer());
    return { movies, rssBytes: (await server.figures()).rssBytes };
  } finally {
    await server.stop();
  }
}
