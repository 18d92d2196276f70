import type { Queryable } from '../../connectors/postgres/pool.ts';
import { inOrder } from '../ranking/history.ts';
import type { HistoryRow, UserState } from '../ranking/history.ts';

/** Who has done something with more movies than this is known by the latest of them. */
const HISTORY_MAX = 50_000;

/**
 * An SQL expression: a user's history, its rows packed: movie (8 bytes), weight in thousandths (4), time in
 * ms (6, the first of a UUIDv7), seen (1). Null where there is none.
 */
export function packedHistory(user: string): string {
  return `(
    SELECT string_agg(int8send(movie_id) || int4send(weight_milli)
             || substring(uuid_send(last_event_id) FROM 1 FOR 6)
             || CASE WHEN seen THEN '\\x01'::bytea ELSE '\\x00'::bytea END, ''::bytea)
      FROM (SELECT movie_id, weight_milli, last_event_id, seen
              FROM user_history WHERE user_id = ${user}
             ORDER BY last_event_id DESC LIMIT ${HISTORY_MAX}) AS latest)`;
}

/** Version and history in one statement, and so of one moment. */
const USERS = `
  SELECT p.user_id AS "userId", p.profile_version AS "profileVersion",
         ${packedHistory('p.user_id')} AS packed
    FROM user_profiles AS p WHERE p.user_id = ANY($1::text[])`;

const ROW_BYTES = 19;

interface Row extends Record<string, unknown> {
  userId: string;
  profileVersion: number;
  packed: Buffer | null;
}

/** Those of the users who have a profile. */
export async function readUsers(
  queryable: Queryable,
  userIds: readonly string[],
): Promise<Map<string, UserState>> {
  const rows = await queryable.query<Row>(USERS, [userIds]);
  return new Map(
    rows.map(({ userId, profileVersion, packed }) => [userId, userState(profileVersion, packed)]),
  );
}

export function userState(profileVersion: number, packed: Buffer | null): UserState {
  return { profileVersion, history: packed === null ? [] : inOrder(unpack(packed)) };
}

function unpack(packed: Buffer): HistoryRow[] {
  const rows: HistoryRow[] = [];
  for (let at = 0; at + ROW_BYTES <= packed.length; at += ROW_BYTES)
    rows.push({
      movieId: packed.readInt32BE(at) * 2 ** 32 + packed.readUInt32BE(at + 4),
      weight: packed.readInt32BE(at + 8) / 1000,
      lastAt: packed.readUIntBE(at + 12, 6),
      seen: packed[at + 18] === 1,
    });
  return rows;
}
