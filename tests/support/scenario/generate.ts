import { createRandom, type Random } from '../../../common/random.ts';
import { createLongTail } from '../long-tail.ts';
import type { Codec } from '../../../connectors/registry/codec.ts';
import { TOPICS, type TopicName } from '../../../schemas/generated/topics.ts';
import { recommendationServeKey } from '../../../schemas/recommendation-serve.ts';
import type {
  Movie,
  RecommendationServeRecord,
  UserActionRecord,
} from '../../../schemas/generated/types.ts';
import { partitionOf } from '../../../common/partitioner.ts';
import { uuidv7 } from '../../../common/uuid.ts';
import { BAD_KIND_NAMES, makeBad, makeHuge, type RawRecord } from './bad-records.ts';
import { READERS, type Expected } from './expected.ts';
import { HOUR_MS, MINUTE_MS } from '../../../common/time.ts';

/** A record with its place: the producer of a fault run is the only one, so offsets are known. */
export interface PlacedRecord extends RawRecord {
  readonly topic: TopicName;
  readonly partition: number;
  readonly offset: number;
  /** Epoch ms; for topics whose time is the producer's. */
  readonly timestamp?: number;
}

export interface LoadPlan {
  readonly seed: number;
  /** User actions, resends and bad ones not counted. */
  readonly actions: number;
  readonly users: number;
  readonly movies: number;
  /** Epoch ms: all that happens, happens before it. */
  readonly startMs: number;
  /** Records of 10 MB among the actions. */
  readonly huge: number;
  /** The records' own time is `startMs` too. */
  readonly stamped?: boolean;
}

export interface Encoders {
  action(value: UserActionRecord): Buffer;
  serve(value: RecommendationServeRecord): Buffer;
  movie(value: Movie): Buffer;
  readonly actionSchemaId: number;
  readonly serveSchemaId: number;
}

export async function createEncoders(codec: Codec): Promise<Encoders> {
  const action = await codec.writer('user-actions.v1');
  const serve = await codec.writer('recommendation-serves.v1');
  const movie = await codec.writer('movies.v1');
  return {
    action: action.encode,
    serve: serve.encode,
    movie: movie.encode,
    actionSchemaId: action.schemaId,
    serveSchemaId: serve.schemaId,
  };
}

const SHARES = {
  resent: 0.05,
  bad: 0.01,
  tooLate: 0.001,
  answers: 0.2,
  serves: 0.05,
  movies: 0.01,
};
/** Half of the resends follow at once, into the same batch; the others up to so many records later. */
const RESEND_SOON = 40;
const RESEND_LATE = 20_000;
const RECENT_SERVES = 300;

/** Cumulative shares; every action has its part. */
const ACTION_MIX: readonly (readonly [string, number])[] = [
  ['impression', 0.3],
  ['view', 0.45],
  ['click', 0.57],
  ['play', 0.66],
  ['progress', 0.74],
  ['complete', 0.78],
  ['rate', 0.86],
  ['like', 0.89],
  ['dislike', 0.91],
  ['list_add', 0.94],
  ['list_remove', 0.95],
  ['share', 0.96],
  ['search', 1],
];

export function userName(n: number): string {
  return n % 7 === 0 ? `käyttäjä-${n}-\u{1f3ac}` : `user-${n}`;
}

/** One load: the same plan gives the same records, and the same account of what they must leave. */
export function* generateLoad(
  plan: LoadPlan,
  encode: Encoders,
  expected: Expected,
): Generator<PlacedRecord> {
  const random = createRandom(plan.seed);
  const pickUser = createLongTail(plan.users, 0.7, random);
  const pickMovie = createLongTail(plan.movies, 0.8, random);
  const serves: RecommendationServeRecord[] = [];
  const resends = new Map<number, (() => PlacedRecord)[]>();
  let sent = 0;

  const place = (topic: TopicName, raw: RawRecord): PlacedRecord => {
    const count = TOPICS[topic].partitions;
    const partition = raw.key === null ? random.below(count) : partitionOf(raw.key, count);
    const stamp = plan.stamped === true ? { timestamp: plan.startMs } : {};
    return { ...raw, topic, partition, offset: expected.place(topic, partition), ...stamp };
  };
  const maybeResend = (again: () => PlacedRecord): void => {
    if (random.next() >= SHARES.resent) return;
    const far = random.next() < 0.5 ? RESEND_SOON : RESEND_LATE;
    const at = sent + 1 + random.below(far);
    const due = resends.get(at);
    if (due === undefined) resends.set(at, [again]);
    else due.push(again);
  };
  const makers = createMakers(plan, random, pickUser, pickMovie);

  function* actions(n: number): Generator<PlacedRecord> {
    const action = makers.action(n / plan.actions, serves);
    const late = random.next() < SHARES.tooLate;
    const sentAction = late ? makers.ancient(action) : action;
    const raw = { key: Buffer.from(action.user_id), value: encode.action(sentAction) };
    const first = place('user-actions.v1', raw);
    if (late) {
      for (const processor of READERS['user-actions.v1'] ?? []) expected.add(processor, 'too_late');
    } else {
      expected.action(action, first.partition, first.offset);
      account(expected, action, 'ok');
      maybeResend(() => {
        account(expected, action, 'duplicate');
        return place('user-actions.v1', raw);
      });
    }
    yield first;
    if (random.next() < SHARES.bad) yield badAction(action, null);
  }

  function badAction(action: UserActionRecord, megabytes: number | null): PlacedRecord {
    const input = {
      action,
      encode: encode.action,
      foreignSchemaId: encode.serveSchemaId,
      nowMs: plan.startMs,
      random,
    };
    const kind = BAD_KIND_NAMES[random.below(BAD_KIND_NAMES.length)] as string;
    const bad = megabytes === null ? makeBad(kind, input) : makeHuge(input, megabytes);
    const record = place('user-actions.v1', bad);
    expected.bad({ ...record, ...bad, bytes: bad.value?.length ?? null });
    return record;
  }

  function* serve(): Generator<PlacedRecord> {
    const made = makers.serve();
    serves.push(made);
    if (serves.length > RECENT_SERVES) serves.shift();
    const raw = { key: Buffer.from(recommendationServeKey(made)), value: encode.serve(made) };
    const first = place('recommendation-serves.v1', raw);
    expected.serve(made, first.partition, first.offset);
    expected.add('serve-logs', 'ok');
    maybeResend(() => {
      expected.add('serve-logs', 'duplicate');
      return place('recommendation-serves.v1', raw);
    });
    yield first;
    if (random.next() < SHARES.bad) yield cutShort('recommendation-serves.v1', raw);
  }

  function movie(id: number): PlacedRecord {
    const made = random.next() < 0.05 ? null : makers.movie(id);
    const raw = { key: Buffer.from(String(id)), value: made === null ? null : encode.movie(made) };
    if (random.next() < SHARES.bad && raw.value !== null) return cutShort('movies.v1', raw);
    const record = place('movies.v1', raw);
    expected.movie(id, made, record.partition, record.offset);
    expected.add('movies', 'ok');
    return record;
  }

  function cutShort(topic: TopicName, raw: RawRecord): PlacedRecord {
    const value = (raw.value ?? Buffer.alloc(0)).subarray(0, 20);
    const record = place(topic, { key: raw.key, value });
    const reason = 'undecodable';
    expected.bad({ ...record, kind: 'a truncated body', reason, bytes: value.length });
    return record;
  }

  for (let id = 1; id <= plan.movies; id++) yield movie(id);
  for (let n = 0; n < plan.actions; n++, sent++) {
    if (random.next() < SHARES.serves) yield* serve();
    if (random.next() < SHARES.movies) yield movie(1 + pickMovie());
    yield* actions(n);
    const hugeEvery = Math.floor(plan.actions / (plan.huge + 1));
    if (plan.huge > 0 && n > 0 && n % hugeEvery === 0 && n / hugeEvery <= plan.huge)
      yield badAction(makers.action(n / plan.actions, serves), 10);
    for (const again of resends.get(sent) ?? []) yield again();
    resends.delete(sent);
  }
  for (const due of [...resends.keys()].sort((a, b) => a - b))
    for (const again of resends.get(due) ?? []) yield again();
}

/** A good action's outcome at each processor that reads it. */
function account(expected: Expected, action: UserActionRecord, outcome: 'ok' | 'duplicate'): void {
  expected.add('interactions', outcome);
  expected.add('profiles', outcome);
  const answers = action.request_id !== null && action.action !== 'search';
  expected.add('feedback', answers ? outcome : 'skipped');
}

function createMakers(
  plan: LoadPlan,
  random: Random,
  pickUser: () => number,
  pickMovie: () => number,
) {
  const bits = Buffer.alloc(10);
  const idAt = (ms: number): Buffer => {
    random.fill(bits);
    return uuidv7(ms, bits);
  };
  /** The hour before the start, in order but for 10 minutes either way; a few from earlier hours. */
  const timeOf = (progress: number): number => {
    if (random.next() < 0.005) return plan.startMs - random.below(20 * HOUR_MS);
    const inOrder = plan.startMs - 70 * MINUTE_MS + Math.floor(progress * 60 * MINUTE_MS);
    return inOrder + random.below(20 * MINUTE_MS) - 10 * MINUTE_MS;
  };
  const chooseAction = (): string => {
    const draw = random.next();
    return (ACTION_MIX.find(([, share]) => draw < share) ?? ['search'])[0];
  };
  const valueOf = (action: string): number | null => {
    if (action === 'rate') return 0.5 + random.below(10) / 2;
    if (action === 'progress') return random.below(1001) / 1000;
    if (action === 'play' || action === 'complete')
      return random.next() < 0.5 ? null : random.below(1001) / 1000;
    return null;
  };

  return {
    action(progress: number, serves: readonly RecommendationServeRecord[]): UserActionRecord {
      const occurredAt = timeOf(progress);
      const action = chooseAction();
      const serve =
        random.next() < SHARES.answers ? serves[random.below(serves.length)] : undefined;
      const rank = serve === undefined ? 0 : random.below(serve.movie_ids.length);
      const noMovie = action === 'search' && random.next() < 0.5;
      const movieId = serve?.movie_ids[rank] ?? 1 + pickMovie();
      return {
        event_id: idAt(occurredAt),
        user_id: serve?.user_id ?? userName(pickUser()),
        action,
        movie_id: noMovie ? null : movieId,
        value: valueOf(action),
        occurred_at: occurredAt,
        session_id: random.next() < 0.7 ? `session-${random.below(100_000)}` : null,
        request_id: serve?.request_id ?? null,
        position: serve === undefined ? null : rank + 1,
        device: random.next() < 0.5 ? 'tv' : null,
        app: 'fault-suite-app',
        app_version: random.next() < 0.5 ? '1.2.3' : null,
        properties: random.next() < 0.2 ? { zebra: 'ž', a: `${random.below(10)}` } : {},
      };
    },
    /** The same, but beyond the late horizon. */
    ancient(action: UserActionRecord): UserActionRecord {
      const occurredAt = plan.startMs - 25 * HOUR_MS - random.below(40 * HOUR_MS);
      return { ...action, event_id: idAt(occurredAt), occurred_at: occurredAt };
    },
    serve(): RecommendationServeRecord {
      const servedAt = plan.startMs - random.below(3 * HOUR_MS);
      const ids = Array.from({ length: 5 }, () => 1 + pickMovie());
      const said = random.next() < 0.5;
      return {
        request_id: idAt(servedAt),
        user_id: random.next() < 0.1 ? null : userName(pickUser()),
        served_at: servedAt,
        source: 'popular',
        algorithm: 'most-watched',
        model_version: null,
        surface: 'home',
        movie_ids: ids,
        scores: ids.map(() => random.next()),
        latency_ms: random.next() * 30,
        app: 'fault-suite-app',
        properties: {},
        surface_version: said ? 'v3' : null,
        experiment: said ? 'blend' : null,
        arm: said ? 'b' : null,
        after_request_id: said ? idAt(servedAt - 1) : null,
        first_position: said ? 6 : 1,
        reasons: said ? ids.map(() => 'popular') : [],
        propensities: said ? ids.map(() => 1 - random.next() / 2) : [],
        steps: said ? ['cache:miss', 'popular:used'] : [],
      };
    },
    movie(id: number): Movie {
      return {
        movie_id: id,
        title: `Movie ${id}, cut ${random.below(1000)}`,
        year: 1950 + random.below(75),
        genres: ['Drama'],
        tags: [],
        imdb_id: null,
        tmdb_id: null,
        updated_at: plan.startMs - random.below(HOUR_MS),
      };
    },
  };
}
