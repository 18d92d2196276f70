import { describe, expect, it } from 'vitest';
import { readExamples } from '../../../schemas/examples.ts';
import { TOPICS } from '../../../schemas/generated/topics.ts';
import type { TopicName } from '../../../schemas/generated/topics.ts';
import type { UserActionRecord } from '../../../schemas/generated/types.ts';
import { validateMovie } from '../../../schemas/movie.ts';
import { validateRecommendationServe } from '../../../schemas/recommendation-serve.ts';
import { ACTIONS, validateUserAction, VALUE_RULES } from '../../../schemas/user-action.ts';
import type { Action } from '../../../schemas/user-action.ts';
import { uuidv7 } from '../../../common/uuid.ts';
import { PROCESSORS } from '../../../streams/index.ts';
import { record } from '../../support/records.ts';

const AT = Date.UTC(2026, 10, 20);
const GOOD: UserActionRecord = {
  event_id: uuidv7(AT),
  user_id: 'u',
  action: 'view',
  movie_id: 1,
  value: null,
  occurred_at: AT,
  session_id: null,
  request_id: null,
  position: null,
  device: null,
  app: 'web',
  app_version: null,
  properties: {},
};

/** Outcomes that validation can't see: the record's key, and when it was received. */
const BEYOND = new Set(['ok', 'too_late', 'event_from_future', 'key_mismatch']);

describe('examples', () => {
  it.each(Object.keys(TOPICS) as TopicName[])('of %s are judged as they say', async (topic) => {
    const examples = await readExamples(topic);
    expect(examples.length).toBeGreaterThan(2);
    for (const { name, outcome, value, key } of examples) {
      const found = value === null ? null : validate(topic, value, key);
      expect([name, found?.reason ?? 'ok']).toEqual([name, BEYOND.has(outcome) ? 'ok' : outcome]);
    }
  });

  it('show every action and every kind of fault that validation finds', async () => {
    const examples = await readExamples('user-actions.v1');
    const good = examples.filter(({ outcome }) => outcome === 'ok');
    expect(new Set(good.map(({ value }) => value?.action))).toEqual(new Set(ACTIONS));
    const shown = new Set<string>(examples.map(({ outcome }) => outcome));
    const reasons = ['unknown_action', 'missing_field', 'out_of_range', 'invalid_text'];
    reasons.push('id_not_v7', 'id_time_mismatch', 'too_late', 'event_from_future', 'key_mismatch');
    for (const reason of reasons) expect(shown).toContain(reason);
  });
});

function validate(topic: TopicName, value: object, key: string): { reason: string } | null {
  if (topic === 'user-actions.v1') return validateUserAction(value as UserActionRecord);
  if (topic === 'recommendation-serves.v1') return validateRecommendationServe(value as never);
  if (topic === 'movies.v1') return validateMovie(value as never);
  // Where processors alone know the rules, and not the producers too.
  const reader = Object.values(PROCESSORS).find(({ source }) => source.topic === topic);
  const fault = reader?.source.check(value, record(0, key, null)) ?? null;
  return fault === null || BEYOND.has(fault.reason) ? null : fault;
}

describe('validateUserAction', () => {
  it.each(ACTIONS)('holds the value of %s to its rule', (action) => {
    const { need, min, max } = VALUE_RULES[action];
    const judge = (value: number | null): string => {
      return validateUserAction({ ...GOOD, action, value })?.reason ?? 'ok';
    };
    expect(judge(null)).toBe(need === 'required' ? 'missing_field' : 'ok');
    const inRange = need === 'none' ? 'out_of_range' : 'ok';
    expect([judge(min), judge(max)]).toEqual([inRange, inRange]);
    for (const bad of [min - 1e-9, max + 1e-9, Number.NaN, Infinity, -Infinity]) {
      expect([bad, judge(bad)]).toEqual([bad, 'out_of_range']);
    }
  });

  it('lets a search alone go without a movie', () => {
    const judge = (action: Action): string =>
      validateUserAction({ ...GOOD, action, value: action === 'rate' ? 3 : null, movie_id: null })
        ?.reason ?? 'ok';
    const without = ACTIONS.filter((action) => action !== 'progress' && judge(action) === 'ok');
    expect(without).toEqual(['search']);
  });

  it.each([
    ['user_id', { user_id: 'x'.repeat(257) }, 'out_of_range'],
    ['user_id', { user_id: 'a\u{d800}' }, 'invalid_text'],
    ['session_id', { session_id: 'x'.repeat(257) }, 'out_of_range'],
    ['device', { device: 'x'.repeat(65) }, 'out_of_range'],
    ['app', { app: '' }, 'missing_field'],
    ['app', { app: 'x'.repeat(65) }, 'out_of_range'],
    ['app_version', { app_version: 'x'.repeat(65) }, 'out_of_range'],
    ['movie_id', { movie_id: 2 ** 53 }, 'out_of_range'],
    ['movie_id', { movie_id: 1.5 }, 'out_of_range'],
    ['position', { position: 2 ** 31 }, 'out_of_range'],
    ['position', { position: 1.5 }, 'out_of_range'],
    ['properties', { properties: { ['x'.repeat(65)]: '' } }, 'out_of_range'],
    ['properties', { properties: { 'a\0': '' } }, 'invalid_text'],
    ['occurred_at', { occurred_at: 2 ** 48 }, 'out_of_range'],
  ])('names %s', (field, change, reason) => {
    const found = validateUserAction({ ...GOOD, ...change });
    expect([found?.field, found?.reason]).toEqual([field, reason]);
    expect(found?.message).toContain(field);
  });

  it.each([
    ['the longest user', { user_id: 'x'.repeat(256) }],
    [
      '32 properties',
      { properties: Object.fromEntries([...Array(32).keys()].map((k) => [k, ''])) },
    ],
    ['an empty session', { session_id: '' }],
  ])('takes %s', (_, change) => {
    expect(validateUserAction({ ...GOOD, ...change })).toBeNull();
  });
});
