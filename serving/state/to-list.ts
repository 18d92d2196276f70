import type { Queryable } from '../../connectors/postgres/pool.ts';
import type { UserState } from '../ranking/history.ts';
import type { Shown } from '../ranking/steps.ts';
import { batchJson, batchListOf } from './batch-list.ts';
import type { BatchJson, BatchList } from './batch-list.ts';
import { servesJson, shownOf, shownSince } from './shown.ts';
import type { ServesJson } from './shown.ts';
import { packedHistory, userState } from './users.ts';

/** All that a list of one user is made from, of one moment. */
export interface OneUser {
  /** Null where they have no profile. */
  readonly user: UserState | null;
  /** What they were shown lately without a response. */
  readonly shown: Shown;
  /** What the nightly run made; null where it made none, and for who has a profile: it isn't asked for. */
  readonly batch: BatchList | null;
}

/** $2 is null where nobody wants to know what was shown. */
const ONE_USER = `
  SELECT p.profile_version AS "profileVersion",
         CASE WHEN p.user_id IS NOT NULL THEN ${packedHistory('$1::text')} END AS packed,
         CASE WHEN p.user_id IS NOT NULL AND $2::float8 IS NOT NULL
              THEN ${servesJson('$1::text', '$2::float8')} END AS serves,
         CASE WHEN p.user_id IS NULL THEN ${batchJson('$1::text')} END AS batch
    FROM (SELECT) AS always LEFT JOIN user_profiles AS p ON p.user_id = $1::text`;

interface Row {
  profileVersion: number | null;
  packed: Buffer | null;
  serves: ServesJson | null;
  batch: BatchJson | null;
}

/** One question instead of three after each other, since each costs more than what it finds. */
export async function readOneUser(
  queryable: Queryable,
  userId: string,
  { wantsShown, now }: { readonly wantsShown: boolean; readonly now: number },
): Promise<OneUser> {
  const since = wantsShown ? shownSince(now) : null;
  const [row] = await queryable.query<Row>(ONE_USER, [userId, since]);
  const version = row?.profileVersion ?? null;
  return {
    user: version === null ? null : userState(version, row?.packed ?? null),
    shown: shownOf(row?.serves ?? null, now),
    batch: batchListOf(row?.batch ?? null),
  };
}

const USERS = `
  SELECT p.user_id AS "userId", p.profile_version AS "profileVersion",
         ${packedHistory('p.user_id')} AS packed, ${servesJson('p.user_id', '$2::float8')} AS serves
    FROM user_profiles AS p WHERE p.user_id = ANY($1::text[])`;

/** Those of the users who have a profile, with what they were shown. */
export async function readUsersToList(
  queryable: Queryable,
  userIds: readonly string[],
  now: number,
): Promise<ReadonlyMap<string, { readonly user: UserState; readonly shown: Shown }>> {
  const rows = await queryable.query<
    Omit<Row, 'profileVersion' | 'batch'> & { userId: string; profileVersion: number }
  >(USERS, [userIds, shownSince(now)]);
  return new Map(
    rows.map(({ userId, profileVersion, packed, serves }) => [
      userId,
      { user: userState(profileVersion, packed), shown: shownOf(serves, now) },
    ]),
  );
}
