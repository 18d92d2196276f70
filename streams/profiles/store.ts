import { CopyWriter } from '../../connectors/postgres/copy-writer.ts';
import type { UserActionRecord } from '../../schemas/generated/types.ts';
import { createSumStore } from '../runtime/commit/sum-store.ts';
import type { Store, StoreOptions } from '../runtime/processor.ts';
import { planProfiles } from './core.ts';
import { upsertStaged } from './staged-table.ts';
import { userHistory } from './user-history.ts';
import { userProfiles } from './user-profiles.ts';

export function createProfilesStore(
  options?: StoreOptions<UserActionRecord>,
): Store<UserActionRecord> {
  const out = new CopyWriter(1 << 18);
  return createSumStore(
    {
      idTable: 'profiles_event_ids',
      width: '1 hour',
      id: (event) => event.event_id,
      timeMs: (event) => event.occurred_at,
      async add(session, events) {
        const { profiles, histories } = planProfiles(events.map(({ event }) => event));
        const moved = profiles.filter(({ movies }) => movies.size > 0).map((p) => p.userId);
        const receipt = events.reduce((last, { receivedAt }) => Math.max(last, receivedAt), 0);
        await upsertStaged(session, userProfiles, out, profiles, [moved, receipt]);
        if (histories.length > 0) await upsertStaged(session, userHistory, out, histories);
      },
    },
    options,
  );
}
