import { pause } from '../../common/backoff.ts';
import type { Log } from '../../common/log.ts';
import { every } from '../../common/timers.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import type { ListSources } from '../../serving/lists/list-sources.ts';
import type { Rankers } from '../../serving/lists/rankers.ts';
import { readUsers } from '../../serving/state/users.ts';
import { vectorText } from './core.ts';
import { setVectors, staleUsers } from './vectors.ts';

export interface VectorKeeperOptions {
  openSession(): Promise<Session>;
  sources(): ListSources | null;
  readonly log: Log;
}

/** Keeps user_profiles.preference_vector up with profiles and models, beside the lists. */
export interface VectorKeeper {
  /** Something of these users changed. */
  changed(userIds: readonly string[]): void;
  close(): Promise<void>;
}

const LOOK_MS = 1_000;
/** Users of one transaction: their rows are locked for some milliseconds. */
const CHUNK = 50;
/** Rests for so many times as long as it works, since lists are made by the same process. */
const REST = 3;
/** More are found by the next sweep. */
const CHANGED_MAX = 200_000;
/** Any number, the same in all processes. */
const LOCK = 7_262_001;

/**
 * Lists wait for nobody's vector: a user's is made in the breaks, some time after they did something. One
 * sweep over all users at the start and after each change of the model finds whoever was left behind; one
 * process at a time sweeps.
 */
export function createVectorKeeper(options: VectorKeeperOptions): VectorKeeper {
  const stopping = new AbortController();
  const changed = new Set<string>();
  let swept: string | null = null;
  let underWay: Promise<void> = Promise.resolve();

  function takeChanged(): string[] {
    const users: string[] = [];
    for (const userId of changed) {
      if (users.length === CHUNK) break;
      users.push(userId);
      changed.delete(userId);
    }
    return users;
  }

  /** The next users that were left behind; none when all were looked at. */
  function createSweep(session: Session, version: string) {
    let after = '';
    return async (): Promise<readonly string[]> => {
      const users = await staleUsers(session, after, version, CHUNK);
      after = users.at(-1) ?? after;
      return users;
    };
  }

  async function keepUp(session: Session, { items, vector }: Rankers): Promise<void> {
    const { version } = items;
    let sweep =
      swept !== version && (await isAlone(session)) ? createSweep(session, version) : null;
    let count = 0;
    while (!stopping.signal.aborted && options.sources()?.rankers?.items.version === version) {
      const began = performance.now();
      const left = sweep === null ? [] : await sweep();
      if (sweep !== null && left.length === 0) {
        options.log.info({ event: 'vectors_swept', model: version, users: count });
        swept = version;
        sweep = null;
      }
      count += left.length;
      const users = [...new Set([...takeChanged(), ...left])];
      if (users.length === 0) return;
      const vectors = [...(await readUsers(session, users))].flatMap(([userId, user]) => {
        const own = vector(user.history);
        if (own === null) return [];
        const { profileVersion } = user;
        return [{ userId, vector: vectorText(own), modelVersion: version, profileVersion }];
      });
      await session.transaction(() => setVectors(session, vectors));
      await pause(REST * (performance.now() - began), stopping.signal);
    }
  }

  async function look(): Promise<void> {
    const rankers = options.sources()?.rankers ?? null;
    if (rankers === null || (changed.size === 0 && swept === rankers.items.version)) return;
    // Its locks end with it.
    const session = await options.openSession();
    try {
      await keepUp(session, rankers);
    } catch (error) {
      swept = null; // whoever was taken and not done is found again
      throw error;
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
      options.log.warn({ event: 'vectors_not_made', code, reason: message });
    },
  );
  return {
    changed(userIds) {
      for (const userId of userIds)
        if (changed.size < CHANGED_MAX) changed.add(userId);
        else swept = null;
    },
    async close() {
      stopping.abort();
      end();
      await underWay.catch(() => undefined);
    },
  };
}

async function isAlone(session: Session): Promise<boolean> {
  const [lock] = await session.query<{ held: boolean }>('SELECT pg_try_advisory_lock($1) AS held', [
    LOCK,
  ]);
  return lock?.held === true;
}
