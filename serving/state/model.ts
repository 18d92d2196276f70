import { join } from 'node:path';
import type { Log } from '../../common/log.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import type { Queryable } from '../../connectors/postgres/pool.ts';
import { createHeld } from './held.ts';
import type { Held } from './held.ts';
import { loadModel } from './load-model.ts';
import type { LoadedModel } from './load-model.ts';
import { readModelFile, writeModelFile } from './model-file.ts';

export interface ModelStateOptions {
  readonly queryable: Queryable;
  /** A connection of its own for a load, which takes seconds. */
  openSession(): Promise<Session>;
  /** Where the last model is kept for a start without Postgres; null keeps none. */
  readonly folder: string | null;
  readonly pollMs: number;
  readonly log: Log;
}

const ACTIVE = `
  SELECT a.model_version AS version, coalesce(max(p.id), 0) AS generation
    FROM active_model AS a LEFT JOIN model_promotions AS p ON true
   GROUP BY a.model_version`;

/** The active model. A promotion or a rollback swaps it, whole, within `pollMs` and the time of a load. */
export function createModelState(options: ModelStateOptions): Held<LoadedModel> {
  const path = options.folder === null ? null : join(options.folder, 'model.bin');
  return createHeld<LoadedModel>({
    what: 'model',
    pollMs: options.pollMs,
    log: options.log,
    async token() {
      const [active] = await options.queryable.query<{ version: string; generation: number }>(
        ACTIVE,
      );
      return active === undefined ? '' : `${active.version}/${active.generation}`;
    },
    async load(token) {
      if (token === '') return null;
      const [version = '', generation] = token.split('/');
      const session = await options.openSession();
      try {
        return await loadModel(session, version, Number(generation));
      } finally {
        await session.close();
      }
    },
    ...(path === null
      ? {}
      : { restore: () => readModelFile(path), keep: (model) => writeModelFile(path, model) }),
  });
}
