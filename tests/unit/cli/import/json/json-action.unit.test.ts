import { describe, expect, it } from 'vitest';
import { parseAction } from '../../../../../cli/import/json/json-action.ts';
import { validateUserAction } from '../../../../../schemas/user-action.ts';
import { formatUuid, isUuidv7, parseUuid, uuidTimeMs, uuidv7 } from '../../../../../common/uuid.ts';

const AT = Date.UTC(2018, 8, 24, 14, 27, 30);
const PLANNED = Date.UTC(2026, 10, 20);
const PLAY = { user_id: 'u', action: 'play', movie_id: 318, occurred_at: AT };

function parse(fields: unknown) {
  return parseAction(Buffer.from(JSON.stringify(fields)), PLANNED);
}

function good(fields: unknown) {
  const found = parse(fields);
  if (!('event_id' in found)) throw new Error(`refused: ${found.reason}`);
  expect(validateUserAction(found)).toBeNull();
  return found;
}

function reason(fields: unknown): string {
  const found = parse(fields);
  if ('event_id' in found) throw new Error('was taken');
  return `${found.kind}: ${found.reason}`;
}

describe('a line of JSON', () => {
  it('becomes an action with what it says, and null for what it does not', () => {
    const found = good(PLAY);
    expect(found).toMatchObject({
      ...{ user_id: 'u', action: 'play', movie_id: 318, value: null, occurred_at: AT },
      ...{ session_id: null, request_id: null, position: null, device: null },
      ...{ app: 'backfill', app_version: null, properties: {} },
    });
    expect(uuidTimeMs(found.event_id)).toBe(AT);
  });

  it('takes all fields, by the names of the records or of the calls', () => {
    const request = formatUuid(uuidv7(AT));
    const event = formatUuid(uuidv7(AT));
    const rest = { action: 'play', value: 0.5, position: 3, device: 'tv', app: 'tv-app', properties: { a: 'b' } }; // prettier-ignore
    const snake = good({
      ...rest,
      ...{ event_id: event, user_id: 'u', movie_id: 318, occurred_at: '2018-09-24T16:27:30+02:00' },
      ...{ session_id: 's', request_id: request, app_version: '2' },
    });
    const camel = good({
      ...rest,
      ...{ eventId: event, userId: 'u', movieId: 318, occurredAt: AT },
      ...{ sessionId: 's', requestId: request, appVersion: '2' },
    });
    expect(camel).toEqual(snake);
    expect(snake).toMatchObject({ session_id: 's', app_version: '2', occurred_at: AT });
    expect(formatUuid(snake.event_id)).toBe(event);
    expect(snake.request_id).toEqual(parseUuid(request));
  });

  it('takes the time from its id when it has no other', () => {
    const id = uuidv7(AT);
    const fields = { ...PLAY, occurred_at: null, event_id: formatUuid(id) };
    expect(good(fields).occurred_at).toBe(AT);
  });

  it('without an id has the same one whenever the same is said, and another for anything else', () => {
    const id = (fields: object) => formatUuid(good({ ...PLAY, ...fields }).event_id);
    expect(id({ occurred_at: new Date(AT).toISOString() })).toBe(id({}));
    expect(id({ properties: { b: '2', a: '1' } })).toBe(id({ properties: { a: '1', b: '2' } }));
    const others = [
      ...[{}, { user_id: 'v' }, { movie_id: 319 }, { value: 0.5 }, { action: 'view' }],
      ...[
        { device: 'tv' },
        { position: 1 },
        { session_id: 's' },
        { app: 'a' },
        { app_version: '' },
      ],
      ...[
        { request_id: formatUuid(uuidv7(AT)) },
        { properties: { a: '1' } },
        { occurred_at: AT + 1 },
      ],
    ];
    expect(new Set(others.map(id)).size).toBe(others.length);
  });

  it('with the id of another tracker has a UUIDv7 of its time that follows from that id', () => {
    const id = (event: string, at = AT) =>
      good({ ...PLAY, event_id: event, occurred_at: at }).event_id;
    const v4 = '3f2b8c5e-1d4a-4e6b-9c7d-0a1b2c3d4e5f';
    const found = id(v4);
    expect(isUuidv7(found)).toBe(true);
    expect(uuidTimeMs(found)).toBe(AT);
    expect(id(v4.toUpperCase())).toEqual(found);
    expect(id('click-17')).not.toEqual(found);
    expect(id(v4, AT + 1).subarray(6)).toEqual(found.subarray(6));
  });

  it('that is no action is refused with the value and what is expected', () => {
    expect(reason([1])).toBe('bad line: [1] is no JSON object of an action');
    expect(reason('text')).toMatch(/^bad line: "text" is no JSON object/);
    expect(parseAction(Buffer.from('{"user_id":'), PLANNED)).toMatchObject({ kind: 'bad line' });
    expect(parseAction(Buffer.from([0x22, 0xff, 0x22]), PLANNED)).toEqual({
      kind: 'bad line',
      reason: 'invalid UTF-8',
    });
    expect(reason({ ...PLAY, mood: 'good' })).toMatch(
      /^bad field: "mood" is no field of an action: put it into properties; known are event_id/,
    );
    expect(reason({ ...PLAY, __proto__x: 1 })).toMatch(/no field/);
    expect(reason({ ...PLAY, movie_id: '318' })).toBe(
      'bad field: movie_id is "318": expected is a number',
    );
    expect(reason({ ...PLAY, userId: 'u' })).toMatch(/user_id stands there twice/);
    expect(reason({ ...PLAY, request_id: 'r-1' })).toMatch(/"r-1": expected is a UUID/);
    expect(reason({ ...PLAY, properties: { a: 1 } })).toMatch(/expected is an object of strings/);
    expect(reason({ ...PLAY, event_id: '' })).toMatch(/event_id is "": expected is a string/);
  });

  it('whose time is none, or can not be, is refused', () => {
    const at = (value: unknown) => reason({ ...PLAY, occurred_at: value });
    expect(reason({ ...PLAY, occurred_at: undefined })).toMatch(
      /^bad time: occurred_at is missing/,
    );
    expect(at('2018-09-24T14:27:30')).toMatch(/^bad time: .*a time with its zone/);
    expect(at('2018-02-30T00:00:00Z')).toMatch(/^bad time: occurred_at is "2018-02-30/);
    expect(at('2018-13-01T00:00:00Z')).toMatch(/^bad time/);
    expect(at('yesterday')).toMatch(/^bad time: occurred_at is "yesterday"/);
    expect(at(AT / 1000)).toMatch(/^bad time: occurred_at is 1537799250: .*multiplied by 1000/);
    expect(at(-1)).toMatch(/^bad time/);
    expect(at('1969-12-31T23:59:59Z')).toMatch(/begins with 1970/);
    expect(at(PLANNED + 1)).toMatch(/lies in the future/);
    expect(good({ ...PLAY, occurred_at: '1970-01-31T12:00:00Z' }).occurred_at).toBe(2_635_200_000);
  });

  it('that breaks a rule of actions is refused by that rule', () => {
    expect(reason({ ...PLAY, value: 7 })).toBe('breaks a rule: value is 7: not from 0 to 1');
    expect(reason({ ...PLAY, user_id: '' })).toBe('breaks a rule: user_id is empty');
    expect(reason({ ...PLAY, user_id: undefined })).toBe('breaks a rule: user_id is empty');
    expect(reason({ ...PLAY, action: 'watch' })).toMatch(
      /^breaks a rule: action is "watch": none of/,
    );
    expect(reason({ ...PLAY, movie_id: 0 })).toMatch(/movie_id is 0/);
    expect(reason({ ...PLAY, user_id: '\ud800' })).toMatch(/half a surrogate pair/);
    expect(reason({ ...PLAY, event_id: formatUuid(uuidv7(AT + 5)) })).toMatch(
      /event_id has the time 2018-09-24T14:27:30.005Z but occurred_at is/,
    );
  });
});
