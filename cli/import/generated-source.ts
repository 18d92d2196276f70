import { MarqueeError } from '../../common/error.ts';
import type { Config } from '../config/config.ts';
import { generateWorld } from '../datagen/generate.ts';
import { createTruth, userIdAt } from '../datagen/model.ts';
import { checkPlan, worldHash } from '../datagen/plan.ts';
import type { WorldPlan } from '../datagen/plan.ts';
import { parseUntil } from './live/live-window.ts';
import { placeLive } from './live/place-live.ts';
import type { ImportSource } from './import-source.ts';
import { IMPORT_PROPERTY, importIdOf } from './import-id.ts';
import { HOUR_MS } from '../../common/time.ts';

export const SYNTHETIC_APP = 'synthetic';

export interface GeneratedRequest {
  readonly config: Config;
  readonly clusterId: string;
  readonly plan: Omit<WorldPlan, 'untilMs'>;
  readonly until: string | undefined;
  /** See LiveRequest. */
  readonly whenPast: 'skip' | 'new';
  readonly nowMs: number;
}

/** Places a synthetic world in time. Throws MARQUEE_WORLD_PLAN, and as openMovieLensSource does. */
export function openGeneratedSource(request: GeneratedRequest): ImportSource {
  const { config, nowMs, plan } = request;
  const { lateHorizonMs } = config.runtime.settings;
  checkPlan({ ...plan, untilMs: nowMs });
  const spanMs = Math.floor(plan.hours * HOUR_MS);
  const hoursMax = lateHorizonMs / HOUR_MS - 1;
  if (plan.hours > hoursMax)
    throw new MarqueeError(
      'MARQUEE_WORLD_PLAN',
      `a world of ${plan.hours} hours: events older than the late horizon reach no table, ` +
        `so it may span at most ${hoursMax}`,
      { field: 'hours' },
    );
  const dataHash = worldHash(plan);
  const live = placeLive({
    ...{ home: config.home, clusterId: request.clusterId, dataHash, spanMs, nowMs, lateHorizonMs },
    source: `synthetic world, seed ${plan.seed}, round ${plan.round}`,
    askedUntilMs:
      request.until === undefined ? null : parseUntil(request.until, spanMs, nowMs, lateHorizonMs),
    whenPast: request.whenPast,
  });
  if (live.lostTail !== null) throw new MarqueeError('MARQUEE_IMPORT_PAST', live.notes.join(' '));
  const { window } = live;
  const importId = importIdOf(dataHash, window?.untilMs ?? null);
  const placed = { ...plan, untilMs: window?.untilMs ?? nowMs };
  return {
    name: 'Synthetic world',
    app: SYNTHETIC_APP,
    importId,
    movies: createTruth(placed).movies,
    users: Array.from({ length: plan.users }, (_, index) => userIdAt(plan.seed, index)),
    actions: window === null ? 0 : plan.events,
    window,
    again: live.again,
    notes: live.notes,
    events: () => (window === null ? [] : generateWorld(placed, { [IMPORT_PROPERTY]: importId })),
    begin: live.begin,
    finish: live.finish,
  };
}
