import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

/**
 * What the tables must hold after an import, by SQL over the files as Postgres itself reads them:
 * nothing of the import's or the processors' code has a part in it.
 */
const SOURCE_TABLES = `
CREATE TEMP TABLE src_movies (movieid bigint, title text, genres text);
CREATE TEMP TABLE src_links (movieid bigint, imdbid text, tmdbid bigint);
CREATE TEMP TABLE src_tags (userid int, movieid bigint, tag text, ts bigint);
CREATE TEMP TABLE src_ratings (userid int, movieid bigint, rating numeric, ts bigint);
CREATE TEMP TABLE src_window (from_ms bigint, span_ms bigint);
CREATE TEMP VIEW src_actions AS
  SELECT userid::text COLLATE "C" AS user_id, movieid AS movie_id, rating, ts,
         from_ms + (row_number() OVER (ORDER BY ts, userid, movieid) * span_ms)
                   / (SELECT count(*) FROM src_ratings) AS at_ms
    FROM src_ratings, src_window;
CREATE TEMP VIEW src_users AS SELECT DISTINCT user_id FROM src_actions;`;

/** Each pair must be the same rows, as often. */
const PAIRS: Readonly<Record<string, readonly [expected: string, actual: string]>> = {
  interactions: [
    `SELECT user_id, movie_id, 'rate', rating::float8, at_ms FROM src_actions`,
    `SELECT user_id, movie_id, action, value, (extract(epoch FROM occurred_at) * 1000)::bigint
       FROM rt_user_interactions WHERE user_id IN (SELECT user_id FROM src_users)`,
  ],
  'profile counters': [
    `SELECT user_id, count(*), count(*), count(*), sum(rating * 1000)::bigint, 0::bigint,
            min(at_ms), max(at_ms)
       FROM src_actions GROUP BY user_id`,
    `SELECT user_id, total_interactions, rates, profile_version, rating_sum_milli,
            impressions + views + clicks + plays + progresses + completes + likes + dislikes
              + list_adds + list_removes + shares + searches,
            (extract(epoch FROM uuid_extract_timestamp(first_event_id)) * 1000)::bigint,
            (extract(epoch FROM uuid_extract_timestamp(last_event_id)) * 1000)::bigint
       FROM user_profiles WHERE user_id IN (SELECT user_id FROM src_users)`,
  ],
  'history weights': [
    `SELECT DISTINCT ON (user_id, movie_id) user_id, movie_id, (rating * 1000)::int,
            CASE WHEN rating <= 2 THEN 0 ELSE (2 * (rating - 2) * 1000)::int END
       FROM src_actions ORDER BY user_id, movie_id, at_ms DESC`,
    `SELECT user_id, movie_id, rating_milli, weight_milli
       FROM user_history WHERE user_id IN (SELECT user_id FROM src_users)`,
  ],
  'seen sets': [
    `SELECT DISTINCT user_id, movie_id FROM src_actions`,
    `SELECT user_id, movie_id FROM user_history
      WHERE seen AND user_id IN (SELECT user_id FROM src_users)`,
  ],
  movies: [
    `SELECT m.movieid,
            btrim(regexp_replace(btrim(m.title), '\\((\\d{4})([-–]\\d{0,4})?\\)$', '')),
            substring(btrim(m.title) FROM '\\((\\d{4})(?:[-–]\\d{0,4})?\\)$')::int,
            CASE WHEN m.genres = '(no genres listed)' THEN '{}'
                 ELSE string_to_array(m.genres, '|') END,
            'tt' || l.imdbid, l.tmdbid,
            coalesce(t.tags, '{}')
       FROM src_movies m LEFT JOIN src_links l USING (movieid)
       LEFT JOIN (SELECT movieid, array_agg(DISTINCT lower(btrim(tag)) COLLATE "C") AS tags
                    FROM src_tags GROUP BY movieid) AS t USING (movieid)`,
    `SELECT movie_id, title, year, genres, imdb_id, tmdb_id,
            ARRAY(SELECT lower(t) COLLATE "C" FROM unnest(tags) t ORDER BY 1)
       FROM movies WHERE movie_id IN (SELECT movieid FROM src_movies) AND withdrawn_at IS NULL`,
  ],
};

export interface SourceWindow {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Loads the files into temporary tables of this connection. */
export async function loadSource(
  client: pg.Client,
  folder: string,
  window: SourceWindow,
): Promise<void> {
  await client.query('DISCARD TEMP');
  await client.query(SOURCE_TABLES);
  await client.query('INSERT INTO src_window VALUES ($1, $2)', [
    window.fromMs,
    window.untilMs - window.fromMs,
  ]);
  for (const name of ['movies', 'links', 'tags', 'ratings']) {
    const copy = `COPY pg_temp.src_${name} FROM STDIN (FORMAT csv, HEADER)`;
    await pipeline(createReadStream(join(folder, `${name}.csv`)), client.query(copyFrom(copy)));
  }
}

/** By table, how many rows stand on one side only; empty when all agree. */
export async function differences(
  client: pg.Client,
): Promise<Record<string, { missing: number; extra: number }>> {
  const found: Record<string, { missing: number; extra: number }> = {};
  for (const [name, [expected, actual]] of Object.entries(PAIRS)) {
    const { rows } = await client.query<{ missing: string; extra: string }>(
      `WITH expected AS (${expected}), actual AS (${actual})
       SELECT (SELECT count(*) FROM (TABLE expected EXCEPT ALL TABLE actual) AS m) AS missing,
              (SELECT count(*) FROM (TABLE actual EXCEPT ALL TABLE expected) AS e) AS extra`,
    );
    const missing = Number(rows[0]?.missing);
    const extra = Number(rows[0]?.extra);
    if (missing !== 0 || extra !== 0) found[name] = { missing, extra };
  }
  return found;
}
