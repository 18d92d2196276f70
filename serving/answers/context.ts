import { randomBytes } from 'node:crypto';
import { encodeServedList } from '../../schemas/serve-parts.ts';
import type { ServePart } from '../../schemas/serve-parts.ts';
import type { RecommendationServeRecord } from '../../schemas/generated/types.ts';
import type { Log } from '../../common/log.ts';
import { createRandom } from '../../common/random.ts';
import type { Random } from '../../common/random.ts';
import { createUuidv7Source, formatUuid } from '../../common/uuid.ts';
import { MarqueeError } from '../../common/error.ts';
import type { ListCache } from '../cache/list-cache.ts';
import type { ListSources } from '../lists/list-sources.ts';
import type { Surface } from '../ranking/surface.ts';
import type { ServingState } from '../state/serving-state.ts';
import type { Surfaces } from '../surfaces/surfaces-file.ts';
import { surfaceNamed } from '../surfaces/surfaces-file.ts';
import { createLookUp } from './lookups.ts';
import type { LookUp } from './lookups.ts';
import { createGuard } from './guarded.ts';
import type { Guard } from './guarded.ts';
import { listPart, servePart } from './send.ts';
import type { RequestId } from './send.ts';
import type { ServedList } from './served-list.ts';

/** What answers are made with. */
export interface AnswerOptions {
  readonly state: ServingState;
  /** Null where no Redis is set up. */
  readonly cache: ListCache | null;
  surfaces(): Surfaces;
  /** Resolves when the serve's record is safe, or known to be lost. Never rejects. */
  append(serve: ServePart, list: Buffer): Promise<void>;
  /** One of the latest serves of this process, which the tables may not have yet; null for any other. */
  served(requestId: Buffer): RecommendationServeRecord | null;
  readonly log: Log;
  /** Epoch ms, the ranker's clock: another one than the system's is for evaluation alone. */
  readonly now?: () => number;
  /** For what surfaces explore; seeded from the system's by default: it isn't to be foreseen. */
  readonly random?: Random;
  readonly cacheBudgetMs?: number;
  readonly postgresBudgetMs?: number;
}

/** Shared by all questions. */
export interface AnswerContext {
  readonly options: AnswerOptions;
  readonly cacheGuard: Guard;
  /** Null where no Redis is set up. */
  readonly lookUp: LookUp | null;
  /** For what is written to Redis: a full one still has lists to read. */
  readonly storeGuard: Guard;
  readonly postgresGuard: Guard;
  readonly random: Random;
  now(): number;
  /** Throws MARQUEE_NOT_READY while nothing could be read yet, not even from disk. */
  sources(): ListSources;
  /** Throws MARQUEE_SURFACE_UNKNOWN. */
  surface(name: string | null): Surface;
  /** A UUIDv7 of now. */
  requestId(): RequestId;
  /** Logs the list; the answer may go out when it resolves. */
  logged(list: ServedList, asked: Asker): Promise<string>;
}

interface Asker {
  readonly startedAt: number;
  readonly app: string;
}

const CACHE_BUDGET_MS = 50;
const POSTGRES_BUDGET_MS = 500;

export function createAnswerContext(options: AnswerOptions): AnswerContext {
  const { log, state } = options;
  const makeId = createUuidv7Source();
  const now = options.now ?? Date.now;
  const guard = (server: string, budgetMs: number): Guard =>
    createGuard({
      budgetMs,
      changed(open, error) {
        const { code, message } = (error ?? {}) as { code?: string; message?: string };
        if (open) log.warn({ event: 'source_away', server, code, reason: message });
        else log.info({ event: 'source_back', server });
      },
    });
  const requestId = (): RequestId => {
    const servedAt = Date.now();
    const bytes = makeId(servedAt);
    return { text: formatUuid(bytes), bytes, servedAt };
  };

  const cacheGuard = guard('redis', options.cacheBudgetMs ?? CACHE_BUDGET_MS);
  return {
    options,
    cacheGuard,
    lookUp: options.cache === null ? null : createLookUp(options.cache, cacheGuard),
    storeGuard: guard('redis, storing', options.cacheBudgetMs ?? CACHE_BUDGET_MS),
    postgresGuard: guard('postgres', options.postgresBudgetMs ?? POSTGRES_BUDGET_MS),
    random: options.random ?? createRandom(randomBytes(4).readUInt32LE()),
    now,
    sources() {
      const sources = state.sources();
      if (sources !== null) return sources;
      throw new MarqueeError(
        'MARQUEE_NOT_READY',
        'No catalogue could be read yet, neither from Postgres nor from the state folder.',
        { retriable: true },
      );
    },
    surface(name) {
      const surfaces = options.surfaces();
      const surface = surfaceNamed(surfaces, name);
      if (surface !== null) return surface;
      throw new MarqueeError(
        'MARQUEE_SURFACE_UNKNOWN',
        `There is no surface ${JSON.stringify(name)}; there are ${[...surfaces.byName.keys()].join(', ')}.`,
        { field: 'surface' },
      );
    },
    requestId,
    async logged(list, { startedAt, app }) {
      const id = requestId();
      const latencyMs = performance.now() - startedAt;
      const serve = servePart(list, { requestId: id, latencyMs, app });
      await options.append(serve, encodeServedList(listPart(list)));
      return id.text;
    },
  };
}
