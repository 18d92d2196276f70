import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { UserActionRecord } from '../../../../schemas/generated/types.ts';
import { ACTIONS, VALUE_RULES } from '../../../../schemas/user-action.ts';
import { uuidv7 } from '../../../../common/uuid.ts';
import { COUNTED, planProfiles } from '../../../../streams/profiles/core.ts';
import type { ProfilePlan } from '../../../../streams/profiles/core.ts';
import { action, T0 } from '../../../support/records.ts';

const at = (seconds: number, over: Partial<UserActionRecord>) => {
  const occurred = T0 + seconds * 1000;
  return action({ occurred_at: occurred, event_id: uuidv7(occurred), ...over });
};
const countOf = (counts: readonly number[], name: keyof typeof COUNTED) =>
  counts[Object.keys(COUNTED).indexOf(name)];

describe('profiles', () => {
  test('every action is counted once, ratings are summed in thousandths', () => {
    const { profiles } = planProfiles([
      at(1, { action: 'rate', value: 4.5 }),
      at(2, { action: 'rate', value: 0.5 }),
      at(3, { action: 'impression' }),
    ]);
    expect(profiles).toMatchObject([{ userId: 'u1', total: 3, ratingSumMilli: 5000 }]);
    expect(countOf(profiles[0]?.counts ?? [], 'rate')).toBe(2);
  });
});

describe('histories', () => {
  test('impressions and searches do not enter', () => {
    const { histories } = planProfiles([
      at(1, { action: 'impression' }),
      at(2, { action: 'search', movie_id: null }),
    ]);
    expect(histories).toEqual([]);
  });
  test('the latest rating holds, whatever order they come in', () => {
    const early = at(1, { action: 'rate', value: 5 });
    const late = at(2, { action: 'rate', value: 1 });
    for (const order of [
      [early, late],
      [late, early],
    ])
      expect(planProfiles(order).histories).toMatchObject([{ rating: { value: 1 } }]);
  });
  test('the largest share seen holds, and completing is all of it', () => {
    const watched = (...events: UserActionRecord[]) =>
      planProfiles(events).histories[0]?.watchedMilli;
    expect(
      watched(at(1, { action: 'progress', value: 0.7 }), at(2, { action: 'progress', value: 0.2 })),
    ).toBe(700);
    expect(watched(at(1, { action: 'complete' }))).toBe(1000);
  });
});

const anyAction = fc
  .record({
    kind: fc.constantFrom(...ACTIONS),
    user: fc.constantFrom('a', 'b', 'é'),
    movie: fc.integer({ min: 1, max: 3 }),
    second: fc.integer({ min: 0, max: 600 }),
    value: fc.integer({ min: 1, max: 10 }),
  })
  .map(({ kind, user, movie, second, value }) => {
    const rule = VALUE_RULES[kind];
    const scaled = kind === 'rate' ? value / 2 : value / 10;
    return at(second, {
      action: kind,
      user_id: user,
      movie_id: kind === 'search' ? null : movie,
      value: rule.need === 'none' ? null : scaled,
    });
  });

function sorted({ profiles, histories }: ProfilePlan) {
  const key = (d: { userId: string; movieId?: number }) => `${d.userId}/${String(d.movieId)}`;
  const byKey = <D extends { userId: string }>(list: readonly D[]) =>
    list.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
  return { profiles: byKey(profiles), histories: byKey(histories) };
}

test('the order of events leaves no trace', () => {
  fc.assert(
    fc.property(
      fc
        .array(anyAction, { maxLength: 40 })
        .chain((events) =>
          fc.tuple(fc.constant(events), fc.shuffledSubarray(events, { minLength: events.length })),
        ),
      ([events, shuffled]) => {
        expect(sorted(planProfiles(shuffled))).toEqual(sorted(planProfiles(events)));
      },
    ),
  );
});
