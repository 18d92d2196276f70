import type { CopyWriter } from '../../connectors/postgres/copy-writer.ts';
import { COUNTER_COLUMNS } from './core.ts';
import type { ProfileDelta } from './core.ts';
import type { StagedTable } from './staged-table.ts';

const SUMS = ['total_interactions', ...COUNTER_COLUMNS, 'rating_sum_milli'];
const COLUMNS = ['user_id', ...SUMS, 'first_event_id', 'last_event_id'];

/** What was shown changes a list too, but little: each so many impressions tell of their user once. */
const IMPRESSIONS_A_CHANGE = 20;

/**
 * user_profiles, with one outbox row a batch: the users whose history moves ($1) and those who saw
 * enough, with their version after it; $2 is when the batch's last record was received, in epoch ms.
 */
export const userProfiles: StagedTable<ProfileDelta> = {
  staging: 'staged_user_profiles',
  columns: COLUMNS,
  // What a batch adds fits an int. Keys order as the tables' keys do: by bytes.
  types: ['text COLLATE "C"', ...SUMS.map(() => 'int'), 'uuid', 'uuid'],
  upsert: `
WITH merged AS (
  INSERT INTO user_profiles AS p (${COLUMNS.join(', ')}, profile_version)
  SELECT ${COLUMNS.join(', ')}, total_interactions FROM staged_user_profiles ORDER BY user_id
  ON CONFLICT (user_id) DO UPDATE SET
    ${SUMS.map((c) => `${c} = p.${c} + excluded.${c}`).join(', ')},
    profile_version = p.profile_version + excluded.total_interactions,
    first_event_id = least(p.first_event_id, excluded.first_event_id),
    last_event_id = greatest(p.last_event_id, excluded.last_event_id)
  RETURNING user_id, profile_version, impressions)
INSERT INTO profile_outbox (user_ids, versions, changed_at)
SELECT array_agg(user_id), array_agg(profile_version), to_timestamp($2 / 1000.0)
FROM merged JOIN staged_user_profiles AS s USING (user_id)
WHERE user_id = ANY($1::text[])
  OR merged.impressions / ${IMPRESSIONS_A_CHANGE}
     > (merged.impressions - s.impressions) / ${IMPRESSIONS_A_CHANGE}
HAVING count(*) > 0`,
  write: writeProfile,
};

function writeProfile(out: CopyWriter, delta: ProfileDelta): void {
  out.row(COLUMNS.length);
  out.text(delta.userId);
  out.int4(delta.total);
  for (const count of delta.counts) out.int4(count);
  out.int4(delta.ratingSumMilli);
  out.raw(delta.first.event_id);
  out.raw(delta.last.event_id);
}
