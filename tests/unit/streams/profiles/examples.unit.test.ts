import { expect, test } from 'vitest';
import { readExamples } from '../../../../schemas/examples.ts';
import type { UserActionRecord } from '../../../../schemas/generated/types.ts';
import { planProfiles } from '../../../../streams/profiles/core.ts';
import type { ProfilePlan } from '../../../../streams/profiles/core.ts';
import { profiles } from '../../../../streams/profiles/processor.ts';
import { createExampleDecoder } from '../../../support/examples.ts';

/** Events in a plan are shown by their ids. */
function readable(plan: ProfilePlan): unknown {
  const idOf = (event: UserActionRecord | null) => event?.event_id.toString('hex') ?? null;
  return {
    profiles: plan.profiles.map((p) => {
      // Its movies are the histories below.
      const shown = Object.entries(p).filter(([name]) => name !== 'movies');
      return { ...Object.fromEntries(shown), first: idOf(p.first), last: idOf(p.last) };
    }),
    histories: plan.histories.map((h) => ({
      ...h,
      last: idOf(h.last),
      rating: idOf(h.rating),
      opinion: idOf(h.opinion),
      list: idOf(h.list),
    })),
  };
}

test('every example action adds to profiles and histories what it added before', async () => {
  const decode = await createExampleDecoder(profiles);
  const plans = (await readExamples('user-actions.v1')).flatMap((example) => {
    const { accepted } = decode(example);
    if (accepted.length === 0) return [];
    const plan = planProfiles(accepted.map(({ event }) => event as UserActionRecord));
    return [[example.name, readable(plan)]];
  });
  await expect(Object.fromEntries(plans)).toMatchFileSnapshot('examples.snap');
});
