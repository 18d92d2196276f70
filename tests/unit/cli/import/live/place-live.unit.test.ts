import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  checkRoom,
  instantOf,
  liveSpanMs,
  parseUntil,
  stillCounts,
  windowBefore,
} from '../../../../../cli/import/live/live-window.ts';
import { placeLive } from '../../../../../cli/import/live/place-live.ts';
import type { LiveRequest } from '../../../../../cli/import/live/place-live.ts';
import { HOUR_MS } from '../../../../../common/time.ts';

const HORIZON = 24 * HOUR_MS;
const SPAN = 12 * HOUR_MS;
const NOW = Date.UTC(2026, 10, 22, 21);

describe('the window of live traffic', () => {
  it('gives each rating an instant of its own, in order, up to the end', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2_000 }),
        fc.integer({ min: 0, max: 10 }),
        (n, more) => {
          const window = windowBefore(NOW, n + more);
          const instants = Array.from({ length: n }, (_, rank) => instantOf(rank, n, window));
          const rises = instants.every((at, i) => at > (instants[i - 1] ?? window.fromMs));
          return rises && instants.at(-1) === NOW;
        },
      ),
    );
  });

  it('refuses more ratings than milliseconds', () => {
    checkRoom(1000, windowBefore(NOW, 1000));
    expect(() => {
      checkRoom(1001, windowBefore(NOW, 1000));
    }).toThrow(expect.objectContaining({ code: 'MARQUEE_IMPORT_TOO_MANY' }) as Error);
  });

  it('stays well inside the late horizon', () => {
    expect(liveSpanMs(HORIZON)).toBe(SPAN);
    expect(liveSpanMs(6 * HOUR_MS)).toBe(3 * HOUR_MS);
    const window = windowBefore(NOW, SPAN);
    expect(stillCounts(window, NOW, HORIZON)).toBe(true);
    expect(stillCounts(window, NOW + 11.75 * HOUR_MS, HORIZON)).toBe(true);
    expect(stillCounts(window, NOW + 11.75 * HOUR_MS + 1, HORIZON)).toBe(false);
  });

  it('ends where --until says', () => {
    const parse = (text: string) => parseUntil(text, SPAN, NOW, HORIZON);
    expect(parse('now')).toBe(NOW);
    expect(parse('2026-11-22T20:00:00+01:00')).toBe(NOW - 2 * HOUR_MS);
    for (const text of [
      'yesterday',
      '2026-11-22T20:00:00',
      '2026-11-22T21:00:01Z',
      '2026-11-22T09:00:00Z',
    ])
      expect(() => parse(text)).toThrow(
        expect.objectContaining({ code: 'MARQUEE_IMPORT_UNTIL' }) as Error,
      );
  });
});

describe('placing the same data again', () => {
  let home = '';
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'marquee-live-'));
  });
  afterEach(() => {
    rmSync(home, { recursive: true, force: true });
  });

  const place = (change: Partial<LiveRequest> = {}) =>
    placeLive({
      home,
      clusterId: 'cluster',
      source: '/data/ml',
      dataHash: 'a'.repeat(64),
      spanMs: SPAN,
      askedUntilMs: null,
      nowMs: NOW,
      lateHorizonMs: HORIZON,
      whenPast: 'skip',
      ...change,
    });

  it('ends now the first time', () => {
    expect(place()).toMatchObject({
      window: { fromMs: NOW - SPAN, untilMs: NOW },
      again: false,
      notes: [],
    });
  });

  it('keeps the times of an import that was interrupted, and of one that was finished', () => {
    place().begin();
    const resumed = place({ nowMs: NOW + HOUR_MS });
    expect(resumed).toMatchObject({ window: { untilMs: NOW }, again: true });
    expect(resumed.notes.join()).toContain('was interrupted');
    resumed.begin();
    resumed.finish();
    const repeated = place({ nowMs: NOW + 2 * HOUR_MS });
    expect(repeated).toMatchObject({ window: { untilMs: NOW }, again: true });
    expect(repeated.notes.join()).toContain('was sent before');
  });

  it('sends nothing of what is too old to be sent again, or new events where asked', () => {
    const first = place();
    first.begin();
    first.finish();
    const nowMs = NOW + 12 * HOUR_MS;
    expect(place({ nowMs })).toMatchObject({ window: null, lostTail: null });
    const fresh = place({ nowMs, whenPast: 'new' });
    expect(fresh).toMatchObject({ window: { untilMs: nowMs }, again: false });
    expect(fresh.notes.join()).toContain('as new events');
  });

  it('says so when an interrupted import can no longer be gone on with', () => {
    place().begin();
    const late = place({ nowMs: NOW + 12 * HOUR_MS });
    expect(late.window).toBeNull();
    expect(late.lostTail).toMatchObject({ untilMs: NOW, finishedAt: null });
  });

  it('follows --until, which makes new events unless it is the same', () => {
    const first = place();
    first.begin();
    first.finish();
    expect(place({ nowMs: NOW + HOUR_MS, askedUntilMs: NOW })).toMatchObject({ again: true });
    const moved = place({ nowMs: NOW + HOUR_MS, askedUntilMs: NOW + HOUR_MS });
    expect(moved).toMatchObject({ again: false, window: { untilMs: NOW + HOUR_MS } });
    expect(moved.notes.join()).toContain('these are new events');
  });

  it('knows other data and other clusters apart, and says when files were changed', () => {
    const first = place();
    first.begin();
    first.finish();
    const nowMs = NOW + HOUR_MS;
    const changed = place({ nowMs, dataHash: 'b'.repeat(64) });
    expect(changed).toMatchObject({ again: false, window: { untilMs: nowMs } });
    expect(changed.notes.join()).toContain('other data of this source');
    const elsewhere = place({ nowMs, clusterId: 'another' });
    expect(elsewhere).toMatchObject({ again: false, window: { untilMs: nowMs }, notes: [] });
  });
});
