import type { Log } from '../../common/log.ts';
import { every } from '../../common/timers.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import type { ListSources } from '../../serving/lists/list-sources.ts';
import { readUsers } from '../../serving/state/users.ts';
import { vectorText } from './core.ts';
import { setVectors } from './vectors.ts';

export interface RecomputeOptions {
  openSession(): Promise<Session>;
  sources(): ListSources | null;
  readonly log: Log;
}

const LOOK_MS = 5_000;
/** Users of one transaction: their rows are locked for some milliseconds. */
const CHUNK = 200;
/** Any number, the same in all processes. */
const LOCK = 7_262_001;

const OTHERS = `
  SELECT user_id AS "userId" FROM user_profiles
   WHERE user_id > $1 AND vector_model_version IS DISTINCT FROM $2
   ORDER BY user_id LIMIT ${CHUNK}`;

/**
 * After a promotion or a rollback folds in anew whoever does nothing meanwhile: an action does it for its
 * user. One process at a time; a vector that is of the model already stays. Returns the way to end it.
 */
export function recomputeVectors(options: RecomputeOptions): () => Promise<void> {
  let done: string | null = null;
  let over = false;
  let underWay: Promise<void> = Promise.resolve();

  async function recompute(session: Session, version: string): Promise<void> {
    const [lock] = await session.query<{ held: boolean }>(
      'SELECT pg_try_advisory_lock($1) AS held',
      [LOCK],
    );
    if (lock?.held !== true) return; // another process is at it: looked at again later
    let last = '';
    let count = 0;
    while (!over) {
      const sources = options.sources();
      if (sources?.rankers?.items.version !== version) return;
      const { rankers } = sources;
      const users = await session.query<{ userId: string }>(OTHERS, [last, version]);
      if (users.length === 0) break;
      last = users.at(-1)?.userId ?? last;
      const states = await readUsers(
        session,
        users.map(({ userId }) => userId),
      );
      const vectors = [...states].flatMap(([userId, { history }]) => {
        const vector = rankers.vector(history);
        if (vector === null) return [];
        return [{ userId, vector: vectorText(vector), modelVersion: version }];
      });
      await session.transaction(() => setVectors(session, vectors, 'of_other_models'));
      count += vectors.length;
    }
    if (over) return;
    done = version;
    options.log.info({ event: 'vectors_recomputed', model: version, users: count });
  }

  async function look(): Promise<void> {
    const version = options.sources()?.rankers?.items.version ?? null;
    if (version === null || version === done || over) return;
    const session = await options.openSession();
    try {
      await recompute(session, version);
    } finally {
      await session.close();
    }
  }

  const end = every(
    LOOK_MS,
    () => {
      underWay = look();
      return underWay;
    },
    (error) => {
      const { code, message } = error as { code?: string; message: string };
      options.log.warn({ event: 'vectors_not_recomputed', code, reason: message });
    },
  );
  return async () => {
    over = true;
    end();
    await underWay.catch(() => undefined);
  };
}
