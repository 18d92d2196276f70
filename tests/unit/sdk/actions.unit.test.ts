import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createProducer } from '../../../sdk/src/index.ts';
import { rightUses, typos } from './typos.ts';
import { buildAction, buildServe } from '../../../sdk/src/actions.ts';
import { MarqueeError } from '../../../common/error.ts';
import { ACTIONS, VALUE_RULES } from '../../../schemas/user-action.ts';
import { formatUuid, isUuidv7, parseUuid, uuidTimeMs, uuidv7 } from '../../../common/uuid.ts';

const SELF = { app: 'web', appVersion: '1.2', device: 'tv', makeId: (ms: number) => uuidv7(ms) };
const AT = Date.UTC(2026, 10, 20, 12);

function faultOf(run: () => unknown): { field: string | undefined; message: string } {
  try {
    run();
  } catch (error) {
    if (!(error instanceof MarqueeError)) throw error;
    expect(error.code).toBe('MARQUEE_INVALID_ACTION');
    return { field: error.field, message: error.message };
  }
  throw new Error('nothing was thrown');
}

describe('buildAction', () => {
  it.each(ACTIONS)('makes the record of %s', (action) => {
    const { need, max } = VALUE_RULES[action];
    const value = need === 'required' ? { value: max } : {};
    const record = buildAction(action, { userId: 'u', movieId: 3, occurredAt: AT, ...value }, SELF);
    expect(record).toMatchObject({
      action,
      user_id: 'u',
      movie_id: 3,
      occurred_at: AT,
      app: 'web',
    });
    expect(isUuidv7(record.event_id)).toBe(true);
    expect(uuidTimeMs(record.event_id)).toBe(AT);
  });

  it('carries every field, and knows the rest from the producer', () => {
    const requestId = formatUuid(uuidv7(AT));
    const eventId = formatUuid(uuidv7(AT));
    const fields = {
      userId: 'u',
      movieId: 3,
      eventId,
      occurredAt: new Date(AT),
      sessionId: 's',
      requestId,
      position: 2,
      device: 'phone',
      properties: { a: 'b' },
    };
    const record = buildAction('click', fields, SELF);
    expect({
      ...record,
      event_id: formatUuid(record.event_id),
      request_id: record.request_id && formatUuid(record.request_id),
    }).toEqual({
      event_id: eventId,
      user_id: 'u',
      action: 'click',
      movie_id: 3,
      value: null,
      occurred_at: AT,
      session_id: 's',
      request_id: requestId,
      position: 2,
      device: 'phone',
      app: 'web',
      app_version: '1.2',
      properties: { a: 'b' },
    });
    expect(buildAction('view', { userId: 'u', movieId: 3 }, SELF).device).toBe('tv');
  });

  it('takes the time of an id that comes alone', () => {
    const eventId = formatUuid(uuidv7(AT));
    expect(buildAction('view', { userId: 'u', movieId: 3, eventId }, SELF).occurred_at).toBe(AT);
  });

  it('takes the clock when nothing says the time', () => {
    const before = Date.now();
    const { occurred_at: at } = buildAction('view', { userId: 'u', movieId: 3 }, SELF);
    expect(at).toBeGreaterThanOrEqual(before);
    expect(at).toBeLessThanOrEqual(Date.now());
  });

  it.each([
    ['moveId', 'view', { userId: 'u', moveId: 3 }],
    ['constructor', 'view', { userId: 'u', movieId: 3, constructor: 1 }],
    ['userId', 'view', { movieId: 3 }],
    ['userId', 'view', { userId: 5, movieId: 3 }],
    ['userId', 'view', { userId: '', movieId: 3 }],
    ['movieId', 'view', { userId: 'u' }],
    ['movieId', 'view', { userId: 'u', movieId: '3' }],
    ['movieId', 'view', { userId: 'u', movieId: null }],
    ['value', 'rate', { userId: 'u', movieId: 3 }],
    ['value', 'rate', { userId: 'u', movieId: 3, value: 5.5 }],
    ['value', 'like', { userId: 'u', movieId: 3, value: 1 }],
    ['requestId', 'click', { userId: 'u', movieId: 3, requestId: 'serve-1' }],
    ['eventId', 'view', { userId: 'u', movieId: 3, eventId: crypto.randomUUID() }],
    ['eventId', 'view', { userId: 'u', movieId: 3, eventId: formatUuid(uuidv7(1)), occurredAt: 2 }],
    ['occurredAt', 'view', { userId: 'u', movieId: 3, occurredAt: '2026-11-20' }],
    ['occurredAt', 'view', { userId: 'u', movieId: 3, occurredAt: new Date(Number.NaN) }],
    ['occurredAt', 'view', { userId: 'u', movieId: 3, occurredAt: 1.5 }],
    ['position', 'view', { userId: 'u', movieId: 3, position: 0 }],
    ['properties', 'view', { userId: 'u', movieId: 3, properties: { a: 1 } }],
    ['properties', 'view', { userId: 'u', movieId: 3, properties: ['a'] }],
    ['sessionId', 'view', { userId: 'u', movieId: 3, sessionId: 'a\0' }],
  ] as const)('names the field %s of a wrong %s', (field, action, fields) => {
    const fault = faultOf(() => buildAction(action, fields, SELF));
    expect(fault.field).toBe(field);
    expect(fault.message).toContain(field);
    expect(fault.message.length).toBeLessThan(300);
  });

  it('throws nothing but MARQUEE_INVALID_ACTION, whatever it is given', () => {
    const names = ['userId', 'movieId', 'value', 'occurredAt', 'eventId', 'requestId', 'position'];
    names.push('device', 'sessionId', 'properties', 'other');
    const fields = fc.dictionary(fc.constantFrom(...names), fc.anything());
    fc.assert(
      fc.property(fc.constantFrom(...ACTIONS), fields, (action, given) => {
        try {
          buildAction(action, given, SELF);
        } catch (error) {
          expect(error).toBeInstanceOf(MarqueeError);
          expect((error as MarqueeError).field).toBeTypeOf('string');
        }
      }),
    );
  });
});

describe('typos', () => {
  it('fail at run time as they do in an editor', async () => {
    const brokers = ['127.0.0.1:1'];
    const registryUrl = 'http://127.0.0.1:1';
    const producer = createProducer({ app: 'a', brokers, registryUrl, drainOnSigterm: false });
    rightUses(producer);
    for (const typo of typos(producer)) expect(faultOf(typo).field).toBeTypeOf('string');
    expect(producer.counts().queued).toBe(3);
    await producer.close({ timeoutMs: 0 });
  });

  it('in the options are named too', () => {
    const good = { app: 'a', brokers: ['127.0.0.1:1'], registryUrl: 'http://127.0.0.1:1' };
    const bad = [{ app: '' }, { brokers: [] }, { registryUrl: 'here' }, { device: 'x'.repeat(65) }];
    for (const change of bad) {
      expect(() => createProducer({ ...good, ...change })).toThrow(
        expect.objectContaining({ code: 'MARQUEE_INVALID_OPTION', field: Object.keys(change)[0] }),
      );
    }
  });
});

describe('buildServe', () => {
  const good = { userId: 'u', movieIds: [1, 2], source: 'batch', algorithm: 'als', servedAt: AT };

  it('makes the record', () => {
    const record = buildServe({ ...good, scores: [0.5, 0.25], latencyMs: 3 }, SELF);
    expect(record).toMatchObject({ movie_ids: [1, 2], scores: [0.5, 0.25], latency_ms: 3 });
    expect(uuidTimeMs(record.request_id)).toBe(AT);
    expect(record).toMatchObject({ first_position: 1, reasons: [], propensities: [], steps: [] });
  });

  it('says all that version 2 of the schema can', () => {
    const after = '01a1fa75-6500-72ad-8e5e-f19b2934e732';
    const said = {
      userId: null,
      surfaceVersion: 's1',
      experiment: 'blend',
      arm: 'b',
      afterRequestId: after,
      firstPosition: 21,
      reasons: ['popular', 'because_you:318'],
      propensities: [1, 0.25],
      steps: ['cache:miss', 'batch:used'],
    };
    expect(buildServe({ ...good, ...said }, SELF)).toMatchObject({
      user_id: null,
      surface_version: 's1',
      experiment: 'blend',
      arm: 'b',
      after_request_id: parseUuid(after),
      first_position: 21,
      reasons: said.reasons,
      propensities: said.propensities,
      steps: said.steps,
    });
  });

  it.each([
    ['userId', { ...good, userId: undefined }],
    ['afterRequestId', { ...good, afterRequestId: 'page-1' }],
    ['firstPosition', { ...good, firstPosition: 0 }],
    ['reasons', { ...good, reasons: ['popular'] }],
    ['reasons', { ...good, reasons: ['popular', 7] }],
    ['propensities', { ...good, propensities: [1, 0] }],
    ['steps', { ...good, steps: Array.from({ length: 17 }, () => 'x:y') }],
    ['movieIds', { ...good, movieIds: undefined }],
    ['movieIds', { ...good, movieIds: [1, 'x'] }],
    ['scores', { ...good, scores: [1] }],
    ['source', { ...good, source: 'oracle' }],
    ['algoritm', { ...good, algoritm: 'x' }],
    ['modelVersion', { ...good, modelVersion: 'x'.repeat(65) }],
  ])('names the field %s', (field, fields) => {
    expect(faultOf(() => buildServe(fields, SELF)).field).toBe(field);
  });
});
