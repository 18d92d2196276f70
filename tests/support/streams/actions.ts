import { createRandom } from '../../../common/random.ts';
import type { Codec } from '../../../connectors/registry/codec.ts';
import type { Movie, UserActionRecord } from '../../../schemas/generated/types.ts';
import { recommendationServeKey } from '../../../schemas/recommendation-serve.ts';
import { fullServe, serve } from '../serves.ts';
import { uuidv7 } from '../../../common/uuid.ts';
import type { SentRecord } from './environment.ts';
import { HOUR_MS, MINUTE_MS } from '../../../common/time.ts';

const ACTIONS = ['impression', 'view', 'click', 'play', 'progress', 'rate', 'like', 'search'];

export interface Wave {
  readonly records: readonly SentRecord[];
  /** Distinct good actions in it, and how often one was sent again, was too late, or was bad. */
  readonly distinct: number;
  readonly resent: number;
  readonly tooLate: number;
  readonly bad: number;
  readonly answers: number;
  readonly byUser: ReadonlyMap<string, number>;
}

export interface WaveOptions {
  readonly seed: number;
  readonly count: number;
  /** Epoch ms at which the wave is received: what it holds happened in the six hours before. */
  readonly nowMs: number;
  /** Sets the records' times too: for topics that take the producer's. */
  readonly stamped?: boolean;
}

/** User actions with resends, late ones and bad ones among them, the same for the same seed. */
export async function makeWave(codec: Codec, options: WaveOptions): Promise<Wave> {
  const random = createRandom(options.seed);
  const writer = await codec.writer('user-actions.v1');
  const bits = Buffer.alloc(10);
  const idAt = (ms: number) => {
    random.fill(bits);
    return uuidv7(ms, bits);
  };
  const records: SentRecord[] = [];
  const byUser = new Map<string, number>();
  const stamp = options.stamped === true ? { timestamp: options.nowMs } : {};
  let [resent, tooLate, bad, answers] = [0, 0, 0, 0];
  for (let n = 0; n < options.count; n++) {
    const action = ACTIONS[random.below(ACTIONS.length)] as string;
    const late = n % 97 === 5;
    const occurred = options.nowMs - (late ? 30 * HOUR_MS : 1_000 + random.below(6 * HOUR_MS));
    const userId = `user-${random.below(60)}`;
    const answering = n % 5 === 0;
    const event: UserActionRecord = {
      event_id: idAt(occurred),
      user_id: userId,
      action,
      movie_id: 1 + random.below(50),
      value: action === 'rate' ? 0.5 + random.below(10) / 2 : action === 'progress' ? 0.25 : null,
      occurred_at: occurred,
      session_id: null,
      request_id: answering ? idAt(occurred - MINUTE_MS) : null,
      position: null,
      device: n % 3 === 0 ? 'tv' : null,
      app: 'replay-test',
      app_version: null,
      properties: n % 4 === 0 ? { cut: 'ž', n: String(n) } : {},
    };
    const record = { key: userId, value: writer.encode(event), ...stamp };
    records.push(record);
    if (late) tooLate++;
    else {
      byUser.set(userId, (byUser.get(userId) ?? 0) + 1);
      if (answering && action !== 'search') answers++;
      if (n % 20 === 7) {
        records.push(record);
        resent++;
      }
    }
    if (n % 50 === 9) {
      const broken = [
        { key: userId, value: Buffer.from('no avro'), ...stamp },
        { key: userId, value: null, ...stamp },
        { key: 'another', value: writer.encode(event), ...stamp },
      ][random.below(3)] as SentRecord;
      records.push(broken);
      bad++;
    }
  }
  const distinct = options.count - tooLate;
  return { records, distinct, resent, tooLate, bad, answers, byUser };
}

export async function makeServes(
  codec: Codec,
  count: number,
  nowMs: number,
): Promise<SentRecord[]> {
  const writer = await codec.writer('recommendation-serves.v1');
  return Array.from({ length: count }, (_, n) => {
    const servedAt = nowMs - n * 1_000;
    // Some from before there were the fields of version 2, some for nobody known.
    const over = { user_id: n % 7 === 0 ? null : `user-${n % 60}`, served_at: servedAt };
    const made = n % 2 === 0 ? serve(over) : { ...fullServe(n, 3), ...over };
    const value = { ...made, request_id: uuidv7(servedAt) };
    return { key: recommendationServeKey(value), value: writer.encode(value) };
  });
}

/** Three versions of each movie; every seventh is withdrawn at last. */
export async function makeMovies(
  codec: Codec,
  count: number,
  nowMs: number,
): Promise<SentRecord[]> {
  const writer = await codec.writer('movies.v1');
  const movie = (id: number, version: number): Movie => ({
    movie_id: id,
    title: `Movie ${id}, cut ${version}`,
    year: 1990,
    genres: ['Drama', 'Film-Noir'],
    tags: [],
    imdb_id: null,
    tmdb_id: null,
    updated_at: nowMs - 10_000 + version,
  });
  const ids = Array.from({ length: count }, (_, n) => n + 1);
  return [
    ...[1, 2, 3].flatMap((version) =>
      ids.map((id) => ({ key: String(id), value: writer.encode(movie(id, version)) })),
    ),
    ...ids.filter((id) => id % 7 === 0).map((id) => ({ key: String(id), value: null })),
  ];
}
