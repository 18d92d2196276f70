import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadConfig } from '../../../cli/config/config.ts';
import { openEvents } from '../../../cli/sql/open.ts';
import { openObjectStore } from '../../../connectors/object-store/object-store.ts';
import type { ObjectStore } from '../../../connectors/object-store/object-store.ts';
import { compactArchive } from '../../../archive/maintenance/compact.ts';
import type { EventsView } from '../../../archive/query/events-view.ts';
import { runArchive } from '../../../archive/ingest/run.ts';
import { DEFAULT_ARCHIVE } from '../../../archive/settings.ts';
import { removeOrphans } from '../../../archive/maintenance/remove-orphans.ts';
import { ask } from '../../support/events.ts';
import { startEnvironment, type Environment } from '../../support/streams/environment.ts';
import { applyWaves, archiveContextOf } from './context.ts';
import { HOUR_MS } from '../../../common/time.ts';

const SEED = 33_550;
/** Hours ago at which the waves were received; all but the last two have left the window. */
const AGES = [90, 80, 70, 60, 30, 1];
/** Late events show only once they are archived; the others from the start. */
const IN_TIME = 'received_at - occurred_at <= INTERVAL 24 HOURS';

let env: Environment;
let store: ObjectStore;
let distinct = 0;

beforeAll(async () => {
  env = await startEnvironment({ times: 'CreateTime', objectStore: true });
  store = openObjectStore(env.config.objectStore);
  const waves = await applyWaves(env, AGES, { seed: SEED, count: 500 });
  distinct = waves.reduce((sum, wave) => sum + wave.distinct, 0);
}, 600_000);
afterAll(async () => {
  store.close();
  await env.close();
});

const context = () => archiveContextOf(env, store);

const openView = () => openEvents(loadConfig({ home: env.config.home }, {}), {});

interface Answer {
  readonly rows: number;
  readonly ids: number;
}

async function count(view: EventsView): Promise<Answer> {
  const [row] = await ask(
    view,
    `SELECT count(*)::INT AS rows, count(DISTINCT event_id)::INT AS ids
       FROM events WHERE ${IN_TIME}`,
  );
  return { rows: row?.['rows'] as number, ids: row?.['ids'] as number };
}

test('while runs, drops and merges go on every answer is complete, and none is double', async () => {
  const working = new AbortController();
  const answers = { refreshed: [] as Answer[], kept: [] as Answer[], opened: [] as Answer[] };

  const [refreshed, kept] = [await openView(), await openView()];
  const readers = Promise.all([
    // As of now, each time.
    (async () => {
      while (!working.signal.aborted) {
        await refreshed.refresh();
        answers.refreshed.push(await count(refreshed));
      }
    })(),
    // A session that stays open while all of it moves.
    (async () => {
      while (!working.signal.aborted) answers.kept.push(await count(kept));
    })(),
    // A command each time.
    (async () => {
      while (!working.signal.aborted) {
        const view = await openView();
        try {
          answers.opened.push(await count(view));
        } finally {
          await view.close();
        }
      }
    })(),
  ]);
  readers.catch(() => undefined); // told below

  const work = async (): Promise<{ dropped: number; merges: number }> => {
    let [dropped, merges] = [0, 0];
    for (const age of [85, 75, 65, 50, 20, 0]) {
      const { drop } = await runArchive(context(), Date.now() - age * HOUR_MS);
      dropped += drop.dropped.length;
      merges += (await compactArchive(context(), { filesMin: 2 })).merges;
    }
    return { dropped, merges };
  };
  const done = await work().finally(() => {
    working.abort();
  });
  await readers;

  expect(done.dropped).toBeGreaterThan(10);
  expect(done.merges).toBeGreaterThan(10);
  const complete = { rows: distinct, ids: distinct };
  for (const of of Object.values(answers)) {
    expect(of.length).toBeGreaterThan(3);
    expect(of.filter(({ rows, ids }) => rows !== distinct || ids !== distinct)).toEqual([]);
  }

  // Objects that were replaced are gone now: who still goes by them takes the manifest anew.
  const removed = await removeOrphans(
    env.db,
    store,
    { prefix: DEFAULT_ARCHIVE.prefix, graceMs: 0 },
    { dryRun: false },
  );
  expect(removed.length).toBeGreaterThan(10);
  expect(await count(kept)).toEqual(complete);
  await refreshed.close();
  await kept.close();
});
