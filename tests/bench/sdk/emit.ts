import type { Producer } from '../../../sdk/src/index.ts';

const USERS = 100_000;
const MOVIES = 20_000;

/** What a bench of the SDK emits: as little as an event can be, or as an app's events are mixed. */
export const MIXES = { impressions: emitImpression, mixed: emitMixed } as const;
export type Mix = keyof typeof MIXES;

function emitImpression(producer: Producer, index: number): ReturnType<Producer['view']> {
  return producer.impression({
    userId: `sdk-${index % USERS}`,
    movieId: (index % MOVIES) + 1,
    position: (index % 20) + 1,
  });
}

/** Strides that visit all users and movies before they repeat. */
function emitMixed(producer: Producer, index: number): ReturnType<Producer['view']> {
  const userId = `user-${(index * 7_919) % USERS}`;
  const movieId = ((index * 104_729) % MOVIES) + 1;
  const sessionId = 's-1';
  if (index % 10 < 7)
    return producer.impression({ userId, movieId, position: (index % 20) + 1, sessionId });
  if (index % 10 < 9) return producer.click({ userId, movieId, sessionId });
  return producer.rate({ userId, movieId, value: 4.5 });
}
