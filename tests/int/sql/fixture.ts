import type pg from 'pg';
import { formatUuid, uuidv7 } from '../../../common/uuid.ts';
import { HOUR_MS, MINUTE_MS } from '../../../common/time.ts';

const DAY = 24 * HOUR_MS;

/** Ids in a fixed order: same time and number, same id. */
export function idAt(ms: number, n = 0): string {
  const random = new Uint8Array(10);
  new DataView(random.buffer).setUint32(6, n);
  return formatUuid(uuidv7(ms, random));
}

export interface Fixture {
  /** The moment that everything lies around, epoch ms. */
  readonly now: number;
  /** 10:00 UTC of the day before yesterday, and of yesterday. */
  readonly days: readonly [number, number];
}

/** A small world: three users, five movies, some serves; written as the processors write. */
export async function fill(writer: pg.Client): Promise<Fixture> {
  const now = Date.now();
  const today = Math.floor(now / DAY) * DAY;
  const days = [today - 2 * DAY + 10 * HOUR_MS, today - DAY + 10 * HOUR_MS] as const;
  await catalogue(writer, now);
  await actions(writer, now);
  await profiles(writer, now);
  await recommendations(writer, days);
  await progress(writer, now);
  return { now, days };
}

async function catalogue(writer: pg.Client, now: number): Promise<void> {
  const titles = ['Alpha', 'Beta', 'Gamma', 'Delta', 'Epsilon'];
  for (const [i, title] of titles.entries()) {
    await writer.query(
      `INSERT INTO movies (movie_id, updated_at, received_at, withdrawn_at, kafka_offset,
         kafka_partition, title, genres, tags) VALUES ($1, $2, $2, $3, $1, 0, $4, '{Drama}', '{}')`,
      [i + 1, new Date(now), title === 'Epsilon' ? new Date(now) : null, title],
    );
  }
}

type Action = [
  minutesAgo: number,
  user: string,
  action: string,
  movie: number | null,
  value?: number,
];

async function actions(writer: pg.Client, now: number): Promise<void> {
  const all: Action[] = [
    [-3, '1', 'view', 4],
    [5, '1', 'complete', 1, 1],
    [30, '1', 'play', 1, 0.2],
    [31, '1', 'click', 1],
    [32, '1', 'impression', 1],
    [33, '1', 'impression', 2],
    [34, '2', 'play', 1],
    [35, '2', 'search', null],
    [90, '2', 'rate', 3, 4.5],
    [10 * 60, '3', 'play', 2],
    [47 * 60, '3', 'play', 1],
    [49 * 60, '3', 'dislike', 3],
  ];
  const times = all.map(([minutes]) => now - minutes * MINUTE_MS);
  await writer.query(`SELECT ensure_partitions('rt_user_interactions', $1, '1 hour')`, [
    times.map((ms) => new Date(ms)),
  ]);
  for (const [i, [, user, action, movie, value]] of all.entries()) {
    await writer.query(
      `INSERT INTO rt_user_interactions (event_id, occurred_at, received_at, movie_id, value,
         kafka_offset, kafka_partition, user_id, action, device, app, properties)
       VALUES ($1, $2, $2, $3, $4, $5, 0, $6, $7, 'tv', 'web', '{}')`,
      [idAt(times[i] ?? 0, i), new Date(times[i] ?? 0), movie, value ?? null, i, user, action],
    );
  }
}

async function profiles(writer: pg.Client, now: number): Promise<void> {
  await writer.query(
    `INSERT INTO user_profiles (user_id, total_interactions, impressions, clicks, plays, completes,
       rates, rating_sum_milli, profile_version, first_event_id, last_event_id)
     VALUES ('1', 5, 2, 1, 1, 1, 0, 0, 5, $1, $2), ('2', 30, 27, 0, 1, 0, 2, 7500, 30, $3, $4),
            ('3', 2, 0, 0, 2, 0, 0, 0, 2, $3, $5)`,
    [
      idAt(now - 2 * HOUR_MS),
      idAt(now - MINUTE_MS),
      idAt(now - 40 * DAY),
      idAt(now - HOUR_MS),
      idAt(now - 30 * HOUR_MS),
    ],
  );
  for (let movie = 1; movie <= 22; movie += 1) {
    await writer.query(
      `INSERT INTO user_history (user_id, movie_id, last_event_id, clicks, watched_milli)
       VALUES ('1', $1, $2, 1, $3)`,
      [movie, idAt(now - movie * MINUTE_MS), movie === 2 ? 800 : 0],
    );
  }
}

async function recommendations(writer: pg.Client, days: Fixture['days']): Promise<void> {
  const serves = [
    [idAt(days[0], 1), 'cache', 'als', [1, 2, 3]],
    [idAt(days[0], 2), 'cache', 'als', [2, 4]],
    [idAt(days[1], 3), 'popular', 'popularity', [5]],
  ] as const;
  for (const parent of ['recommendation_logs', 'recommendation_feedback']) {
    await writer.query(`SELECT ensure_partitions($1, $2, '1 day')`, [
      parent,
      days.flatMap((ms) => [new Date(ms), new Date(ms + DAY)]),
    ]);
  }
  for (const [i, [id, source, algorithm, movies]] of serves.entries()) {
    await writer.query(
      `INSERT INTO recommendation_logs (request_id, served_at, received_at, latency_ms, kafka_offset,
         kafka_partition, user_id, source, algorithm, app, movie_ids, scores, properties)
       VALUES ($1, uuid_time($1), uuid_time($1), 12.5, $2, 0, '1', $3, $4, 'web', $5, '{}', '{}')`,
      [id, i, source, algorithm, movies],
    );
  }
  const [[first], , [third]] = serves;
  const answers: [serve: string, at: number, action: string, movie: number][] = [
    [first, days[0] + 1000, 'impression', 1],
    [first, days[0] + 1001, 'impression', 2],
    [first, days[0] + 1002, 'impression', 3],
    [first, days[0] + 5000, 'click', 1],
    [first, days[0] + 6000, 'click', 1],
    [first, days[0] + 9000, 'play', 1],
    [first, days[0] + 9001, 'click', 9],
    [third, days[1] + 2 * HOUR_MS, 'click', 5],
    [idAt(days[0], 99), days[0] + 1000, 'click', 1],
  ];
  for (const [i, [request, at, action, movie]] of answers.entries()) {
    await writer.query(
      `INSERT INTO recommendation_feedback (event_id, request_id, occurred_at, received_at, movie_id,
         kafka_offset, kafka_partition, user_id, action, app)
       SELECT $1, $2, uuid_time($1), uuid_time($1), $3, $4, 0, '1', $5, 'web'`,
      [idAt(at, i), request, movie, i, action],
    );
  }
}

async function progress(writer: pg.Client, now: number): Promise<void> {
  const positions: [processor: string, partition: number, secondsAgo: number | null][] = [
    ['interactions', 0, 2],
    ['interactions', 1, 60],
    ['profiles', 0, 5],
    ['feedback', 0, 10],
    ['serve-logs', 0, 20],
    ['movies', 0, 1],
    ['movies', 1, null],
  ];
  for (const [processor, partition, seconds] of positions) {
    await writer.query(
      `INSERT INTO stream_offsets (processor, topic, partition, next_offset, as_of)
       VALUES ($1, 'topic', $2, 100, $3)`,
      [processor, partition, seconds === null ? null : new Date(now - seconds * 1000)],
    );
  }
  await writer.query(
    `INSERT INTO stream_ledger (processor, topic, partition, from_offset, to_offset, hour, ok_count,
       duplicate_count, too_late_count, dead_count)
     VALUES ('interactions', 'topic', 0, 0, 60, $1, 50, 4, 3, 3), ('interactions', 'topic', 0, 60, 100, $2, 40, 0, 0, 0),
            ('interactions', 'topic', 1, 0, 100, $2, 100, 0, 0, 0)`,
    [new Date(now - HOUR_MS), new Date(now)],
  );
  await writer.query(
    `INSERT INTO dead_letters (processor, topic, partition, kafka_offset, reason, detail,
       received_at, first_received_at, app, published_at, redriven_at)
     VALUES ('interactions', 'topic', 0, 7, 'unknown_action', 'action: dance', $1, $1, 'web', $1, NULL),
            ('interactions', 'topic', 0, 8, 'unknown_action', 'action: sing', $2, $2, 'web', NULL, $2),
            ('interactions', 'topic', 0, 9, 'not_avro', 'first byte 123', $2, $2, NULL, $2, NULL),
            ('profiles', 'topic', 0, 9, 'not_avro', 'first byte 123', $2, $2, NULL, $2, NULL)`,
    [new Date(now - HOUR_MS), new Date(now)],
  );
}
