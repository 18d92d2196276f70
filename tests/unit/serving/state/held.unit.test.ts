import { describe, expect, it } from 'vitest';
import { createHeld } from '../../../../serving/state/held.ts';
import type { HeldOptions } from '../../../../serving/state/held.ts';

/** Polls never come by themselves: a test looks when it wants to. */
const NEVER_MS = 2 ** 30;

function heldOf(options: Partial<HeldOptions<string>> & Pick<HeldOptions<string>, 'token'>) {
  const events: string[] = [];
  const note = (fields: object): void => {
    events.push((fields as { event: string }).event);
  };
  const held = createHeld<string>({
    what: 'test',
    pollMs: NEVER_MS,
    log: { debug: note, info: note, warn: note, error: note },
    load: (token) => Promise.resolve(`value of ${token}`),
    ...options,
  });
  return { held, events };
}

describe('what is held', () => {
  it('is read once for a token, and again for another', async () => {
    let token = 'a';
    let loads = 0;
    const { held } = heldOf({
      token: () => Promise.resolve(token),
      load: (of) => Promise.resolve(`${of}${++loads}`),
    });
    await held.ready(1_000);
    await held.refresh();
    expect(held.current()).toBe('a1');
    token = 'b';
    await held.refresh();
    expect(held.current()).toBe('b2');
    await held.close();
  });

  it('stays while it can’t be read, which is logged once when it begins and once when it ends', async () => {
    let away = false;
    const { held, events } = heldOf({
      token: () => (away ? Promise.reject(new Error('away')) : Promise.resolve('a')),
    });
    await held.ready(1_000);
    const { asOf } = held;
    away = true;
    await expect(held.refresh()).rejects.toThrow('away');
    expect([held.current(), held.asOf]).toEqual(['value of a', asOf]);
    away = false;
    await held.refresh();
    expect(events).toEqual(['state_loaded']);
    await held.close();
  });

  it('is what was kept when the process last ran, until it can be read', async () => {
    let away = true;
    const kept: string[] = [];
    const { held, events } = heldOf({
      token: () => (away ? Promise.reject(new Error('away')) : Promise.resolve('new')),
      restore: () => Promise.resolve('old'),
      keep: (value) => {
        kept.push(value);
        return Promise.resolve();
      },
    });
    await held.ready(1_000);
    await expect(held.refresh()).rejects.toThrow('away');
    expect([held.current(), held.asOf]).toEqual(['old', null]);
    away = false;
    await held.refresh();
    expect([held.current(), kept]).toEqual(['value of new', ['value of new']]);
    expect(events).toEqual(['state_unreadable', 'state_loaded', 'state_readable']);
    await held.close();
  });

  it('goes on without being kept where the disk fails', async () => {
    const { held, events } = heldOf({
      token: () => Promise.resolve('a'),
      keep: () => Promise.reject(new Error('disk')),
    });
    await held.ready(1_000);
    await held.refresh();
    expect(held.current()).toBe('value of a');
    expect(events).toEqual(['state_loaded', 'state_not_kept']);
    await held.close();
  });

  it('is nothing any more when there is none', async () => {
    let token = 'a';
    const { held } = heldOf({
      token: () => Promise.resolve(token),
      load: (of) => Promise.resolve(of === '' ? null : of),
    });
    await held.ready(1_000);
    token = '';
    await held.refresh();
    expect(held.current()).toBeNull();
    await held.close();
  });
});
