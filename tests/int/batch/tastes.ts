import { createRandom } from '../../../common/random.ts';
import type { Codec } from '../../../connectors/registry/codec.ts';
import type { UserActionRecord } from '../../../schemas/generated/types.ts';
import { uuidv7 } from '../../../common/uuid.ts';
import type { SentRecord } from '../../support/streams/environment.ts';
import { HOUR_MS, MINUTE_MS } from '../../../common/time.ts';

export const USERS = 90;
export const MOVIES = 60;

interface Tastes {
  /** Happened and received days ago, some of it sent twice. */
  readonly old: readonly SentRecord[];
  /** Of the last hours. */
  readonly recent: readonly SentRecord[];
  /** Distinct actions on movies that say something of them. */
  readonly events: number;
}

/**
 * Users of two tastes: half of the movies are for the one, half for the other, and all are as popular
 * as each other. So who has learnt the tastes ranks well, and popularity does not.
 */
export async function makeTastes(codec: Codec, seed: number, nowMs: number): Promise<Tastes> {
  const random = createRandom(seed);
  const writer = await codec.writer('user-actions.v1');
  const bits = Buffer.alloc(10);
  const old: SentRecord[] = [];
  const recent: SentRecord[] = [];
  let events = 0;
  const emit = (
    user: number,
    movie: number,
    action: string,
    value: number | null,
    age: number,
    lateMs = 500,
  ) => {
    random.fill(bits);
    const at = nowMs - age;
    const event: UserActionRecord = {
      event_id: uuidv7(at, bits),
      user_id: `user-${user}`,
      action,
      movie_id: movie,
      value,
      occurred_at: at,
      session_id: null,
      request_id: null,
      position: null,
      device: null,
      app: 'batch-test',
      app_version: null,
      properties: {},
    };
    const record = { key: event.user_id, value: writer.encode(event), timestamp: at + lateMs };
    const to = age - lateMs > 50 * HOUR_MS ? old : recent;
    to.push(record);
    if (random.below(20) === 0) to.push(record);
    if (action !== 'impression' && lateMs < 24 * HOUR_MS) events++;
  };
  for (let user = 0; user < USERS; user++) {
    const liked = shuffled(random, (user % 2) + 1);
    const others = shuffled(random, ((user + 1) % 2) + 1).slice(0, 4);
    const movies = shuffle(random, [...liked.slice(0, 22), ...others]);
    for (const [n, movie] of movies.entries()) {
      // The last third of what each did is recent.
      const age = (n < 17 ? 60 + 2 * (17 - n) : 28 - n) * HOUR_MS - random.below(HOUR_MS);
      const likes = liked.includes(movie);
      emit(user, movie, 'impression', null, age + MINUTE_MS);
      if (user % 3 > 0) emit(user, movie, 'rate', likes ? 4 + random.below(3) / 2 : 1.5, age);
      else if (likes) {
        emit(user, movie, 'play', 0.2, age + 40_000);
        emit(user, movie, 'complete', 0.95, age);
        if (random.below(2) === 0) emit(user, movie, 'like', null, age - 1_000);
      } else emit(user, movie, 'dislike', null, age);
    }
  }
  // The tables keep thousandths: this is half a movie, and so it was seen.
  emit(0, 2, 'progress', 0.4996, 80 * HOUR_MS);
  // Too late for the tables, but archived.
  emit(3, 1, 'like', null, 90 * HOUR_MS, 30 * HOUR_MS);
  const byTime = (a: SentRecord, b: SentRecord) => (a.timestamp ?? 0) - (b.timestamp ?? 0);
  return { old: old.sort(byTime), recent: recent.sort(byTime), events };
}

type Random = ReturnType<typeof createRandom>;

function shuffled(random: Random, first: number): number[] {
  return shuffle(
    random,
    Array.from({ length: MOVIES / 2 }, (_, n) => 2 * n + first),
  );
}

function shuffle<T>(random: Random, items: T[]): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [items[i], items[j]] = [items[j] as T, items[i] as T];
  }
  return items;
}
