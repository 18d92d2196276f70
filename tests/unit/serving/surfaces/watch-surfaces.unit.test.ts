import {
  mkdtempSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Surfaces } from '../../../../serving/surfaces/surfaces-file.ts';
import { watchSurfaces } from '../../../../serving/surfaces/watch-surfaces.ts';
import type { SurfacesWatch } from '../../../../serving/surfaces/watch-surfaces.ts';
import { until } from '../../../support/until.ts';

/** A second and a half by the clock of the looks; more for a machine that is busy. */
const WITHIN_MS = 5_000;
const limit = (count: number): string => `surfaces: {home: {limit: ${count}}}\n`;
const BAD = 'surfaces:\n  home:\n    limit: many\n';

let folder: string;
let file: string;
let watch: SurfacesWatch | null = null;
let registry: Registry;
let events: Record<string, unknown>[];
let changes: Surfaces[];
let wake: () => void;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'marquee-surfaces-'));
  file = join(folder, 'surfaces.yaml');
});
afterEach(async () => {
  await watch?.close();
  watch = null;
  rmSync(folder, { recursive: true });
});

async function start(lookMs?: number): Promise<SurfacesWatch> {
  await watch?.close();
  registry = new Registry();
  events = [];
  changes = [];
  const note = (fields: Record<string, unknown>): void => {
    events.push(fields);
    wake();
  };
  wake = () => undefined;
  watch = await watchSurfaces({
    file,
    stateFolder: join(folder, 'state'),
    log: { info: note, error: note },
    registry,
    lookMs: lookMs ?? 30,
    onChange(surfaces) {
      changes.push(surfaces);
      wake();
    },
  });
  return watch;
}

/** The log line with this name that comes next, or came already. */
async function event(name: string): Promise<Record<string, unknown>> {
  const deadline = AbortSignal.timeout(WITHIN_MS);
  for (;;) {
    const at = events.findIndex(({ event }) => event === name);
    if (at !== -1) return events.splice(at, 1)[0] ?? {};
    await new Promise<void>((resolve, reject) => {
      wake = resolve;
      deadline.onabort = () => {
        reject(new Error(`no ${name} within ${WITHIN_MS} ms`));
      };
    });
  }
}

async function isRefused(): Promise<number | undefined> {
  const metric = await registry.getSingleMetric('marquee_surfaces_refused')?.get();
  return metric?.values[0]?.value;
}

const kept = (): string => readFileSync(join(folder, 'state', 'surfaces.last-good.yaml'), 'utf8');
const limitNow = (): number | undefined => watch?.current().default.limit;

describe('a file that changes', () => {
  it('takes effect soon, by one assignment', async () => {
    writeFileSync(file, limit(7));
    const { current } = await start(500);
    const before = current();
    writeFileSync(file, limit(8));
    const { versions } = await event('surfaces_changed');
    expect(versions).toEqual({ home: current().default.version });
    expect([before.default.limit, current().default.limit]).toEqual([7, 8]);
    expect(changes).toEqual([current()]);
  });

  it('is followed over renames', async () => {
    writeFileSync(file, limit(7));
    await start();
    writeFileSync(`${file}.new`, limit(8));
    renameSync(`${file}.new`, file);
    await event('surfaces_changed');
    expect(limitNow()).toBe(8);
  });

  it('is followed over symbolic links that are swapped, as a ConfigMap is', async () => {
    const version = (name: string, count: number): void => {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'surfaces.yaml'), limit(count));
    };
    version('..1', 7);
    version('..2', 8);
    symlinkSync('..1', join(folder, '..data'));
    symlinkSync(join('..data', 'surfaces.yaml'), file);
    await start();
    symlinkSync('..2', join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    await event('surfaces_changed');
    expect(limitNow()).toBe(8);
  });

  it('is passed over while two looks in a row see different things', async () => {
    writeFileSync(file, limit(100));
    await start(20);
    for (let count = 1; count < 60; count++) {
      writeFileSync(`${file}.new`, limit(count));
      renameSync(`${file}.new`, file);
      await delay(4);
    }
    expect(events).toEqual([]);
    await event('surfaces_changed');
    expect(limitNow()).toBe(59);
  });

  it('is refused when it is bad, with its lines and an alarm, until a good one comes', async () => {
    writeFileSync(file, limit(7));
    await start();
    expect(await isRefused()).toBe(0);
    writeFileSync(file, BAD);
    expect((await event('surfaces_refused'))['faults']).toEqual([
      `${file}:3: surfaces.home.limit: is "many"; expected a whole number from 1 to 100`,
    ]);
    expect([await isRefused(), limitNow(), changes.length]).toEqual([1, 7, 0]);
    writeFileSync(file, limit(9));
    await event('surfaces_changed');
    expect([await isRefused(), limitNow()]).toEqual([0, 9]);
  });

  it('is missed when it goes, and what it said holds on', async () => {
    writeFileSync(file, limit(7));
    await start();
    rmSync(file);
    expect((await event('surfaces_refused'))['faults']).toEqual([
      `${file}: is not there; put it back`,
    ]);
    expect([await isRefused(), limitNow()]).toEqual([1, 7]);
  });
});

describe('a start', () => {
  it('without a file has the built-in surfaces, and follows a file that comes', async () => {
    const { current } = await start();
    expect([...current().byName.keys()]).toEqual(['home', 'detail']);
    writeFileSync(file, limit(7));
    await event('surfaces_changed');
    expect(limitNow()).toBe(7);
  });

  it('with a bad file has the last good one, and rings the alarm', async () => {
    writeFileSync(file, limit(7));
    await start();
    writeFileSync(file, BAD);
    await start();
    expect(await event('surfaces_refused')).toMatchObject({ code: 'MARQUEE_SURFACES_INVALID' });
    expect([await isRefused(), limitNow()]).toEqual([1, 7]);
    writeFileSync(file, limit(8));
    await event('surfaces_changed');
    expect([await isRefused(), limitNow()]).toEqual([0, 8]);
    await until('it to be kept', WITHIN_MS, () => kept() === limit(8));
    rmSync(file);
    await start();
    expect([await isRefused(), limitNow()]).toEqual([1, 8]);
  });

  it('fails with a bad file when no good one is known', async () => {
    writeFileSync(file, BAD);
    await expect(start()).rejects.toMatchObject({ code: 'MARQUEE_SURFACES_INVALID' });
    mkdirSync(join(folder, 'state'));
    writeFileSync(join(folder, 'state', 'surfaces.last-good.yaml'), 'surfaces: {}');
    await expect(start()).rejects.toMatchObject({ code: 'MARQUEE_SURFACES_INVALID' });
  });

  it('goes on when the last good file cannot be kept, and keeps it once it can', async () => {
    writeFileSync(file, limit(7));
    writeFileSync(join(folder, 'state'), 'in the way');
    await start();
    await event('surfaces_not_kept');
    expect(limitNow()).toBe(7);
    rmSync(join(folder, 'state'));
    writeFileSync(file, limit(8));
    await event('surfaces_changed');
    await until('the new one to be kept', WITHIN_MS, () => kept() === limit(8));
  });
});
