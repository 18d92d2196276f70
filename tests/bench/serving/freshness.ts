import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { MARK_BYTES } from '../../../connectors/redis/put-newer.ts';
import { createProducer } from '../../../sdk/src/index.ts';
import { redisKey } from '../../../serving/cache/list-cache.ts';
import { builtInSurfaces } from '../../../serving/surfaces/read-surfaces.ts';
import { PROCESSORS } from '../../../streams/index.ts';
import { startProcessors } from '../hot-path/marquee.ts';
import { percentile } from '../runner/rate.ts';
import type { ServingPlace } from './place.ts';
import { historyLength, userAt } from './world.ts';

export interface Freshness {
  readonly events: number;
  readonly perSecond: number;
  readonly profile: Times;
  readonly list: Times;
  /** Actions whose list was not there within the patience. */
  readonly missing: number;
}

interface Times {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const PER_SECOND = 1_000;
/** Of every so many actions one is followed to its end: looking is work too. */
const WATCHED_EVERY = 10;
const EVERY_MS = 2;
/** Or as long as is measured, where that is less. */
const WARM_UP_MS = 8_000;
const PATIENCE_MS = 15_000;
const START_MS = 120_000;

const VERSIONS = `
  SELECT user_id AS "user", profile_version AS version
    FROM user_profiles WHERE user_id = ANY($1)`;

interface Waiting {
  readonly userId: string;
  readonly calledAt: number;
  /** The profile's version by that action. */
  readonly version: number;
}

/**
 * From the call of the SDK to the profile's row that another session sees, and to the list in Redis that is
 * made of it, of the same actions. All processors run in one process; each user acts in turn, so that
 * no list is spared.
 */
export async function measureFreshness(place: ServingPlace, seconds: number): Promise<Freshness> {
  const { stack, workDir } = place;
  const client = startProcessors(
    { stack, settings: {}, logFile: join(workDir, 'freshness.log') },
    Object.keys(PROCESSORS),
  );
  try {
    return await Promise.race([
      follow(place, seconds * 1000),
      client.ended.then(() => new Promise<never>(() => undefined)),
    ]);
  } finally {
    await client.stop();
  }
}

async function follow(place: ServingPlace, durationMs: number): Promise<Freshness> {
  const warmUpMs = Math.min(WARM_UP_MS, durationMs);
  const sql = await place.stack.connect();
  const profiles = createWatch();
  const lists = createWatch();
  const sender = createSender(place, (waiting) => {
    profiles.waiting.add(waiting);
    lists.waiting.add(waiting);
  });
  try {
    await sender.first();
    await Promise.all([
      lookUntilOver(profiles, sender, async (users) => {
        const { rows } = await sql.query<{ user: string; version: string }>({
          name: 'versions',
          text: VERSIONS,
          values: [users],
        });
        return new Map(rows.map(({ user, version }) => [user, Number(version)]));
      }),
      lookUntilOver(lists, sender, (users) => versionsInRedis(place, users)),
      sender.run(warmUpMs + durationMs),
    ]);
  } finally {
    await sender.close();
    await sql.end();
  }
  const warmUntil = sender.startedAt() + warmUpMs;
  return {
    events: sender.sent(),
    perSecond: sender.perSecond(),
    profile: profiles.times(warmUntil),
    list: lists.times(warmUntil),
    missing: lists.waiting.size,
  };
}

/** A stored list's order begins with the model's generation, then the profile's version. */
const VERSION_AT = MARK_BYTES + 8;

async function versionsInRedis(
  { redis }: ServingPlace,
  users: readonly string[],
): Promise<Map<string, number>> {
  const surface = builtInSurfaces().default.name;
  const pipeline = redis.pipeline();
  for (const userId of users)
    pipeline.getrangeBuffer(redisKey({ userId, surface, arm: null }), VERSION_AT, VERSION_AT + 7);
  const found = (await pipeline.exec()) ?? [];
  const versions = new Map<string, number>();
  found.forEach(([, bytes], i) => {
    const version = bytes as Buffer | null;
    if (version?.length === 8) versions.set(users[i] as string, version.readDoubleBE());
  });
  return versions;
}

function createWatch() {
  const waiting = new Set<Waiting>();
  const seen: { readonly calledAt: number; readonly ms: number }[] = [];
  return {
    waiting,
    seen,
    times(from: number): Times {
      const ms = seen.filter(({ calledAt }) => calledAt >= from).map((one) => one.ms);
      const at = (share: number): number => percentile(ms, share);
      return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
    },
  };
}

async function lookUntilOver(
  { waiting, seen }: ReturnType<typeof createWatch>,
  sender: { isOver(): boolean },
  versionsOf: (users: readonly string[]) => Promise<ReadonlyMap<string, number>>,
): Promise<void> {
  let giveUpAt = Infinity;
  while (performance.now() < giveUpAt) {
    if (waiting.size > 0) {
      const asked = [...waiting];
      const versions = await versionsOf(asked.map(({ userId }) => userId));
      const now = performance.now();
      for (const one of asked) {
        if ((versions.get(one.userId) ?? 0) < one.version) continue;
        waiting.delete(one);
        seen.push({ calledAt: one.calledAt, ms: now - one.calledAt });
      }
    }
    if (sender.isOver()) {
      if (waiting.size === 0) return;
      giveUpAt = Math.min(giveUpAt, performance.now() + PATIENCE_MS);
    }
    await delay(EVERY_MS);
  }
}

/** Calls the SDK on schedule; a late timer sends what is due, so the rate holds. */
function createSender({ stack, size, redis }: ServingPlace, watch: (one: Waiting) => void) {
  const { brokers, registryUrl } = stack;
  const producer = createProducer({ app: 'bench', brokers, registryUrl });
  const acted = new Map<number, number>();
  let sent = 0;
  let startedAt = NaN;
  let tookMs = NaN;
  let over = false;

  function act(): Waiting {
    const index = sent++ % size.users;
    const userId = userAt(index);
    const before = acted.get(index) ?? 0;
    acted.set(index, before + 1);
    const calledAt = performance.now();
    const movieId = 1 + ((index * 31 + before * 7) % size.movies);
    producer.rate({ userId, movieId, value: 4 });
    return { userId, calledAt, version: historyLength(index) + before + 1 };
  }

  return {
    sent: () => sent,
    startedAt: () => startedAt,
    perSecond: () => (sent * 1000) / tookMs,
    isOver: () => over,
    /** One action whose list is there: then all that is behind runs. */
    async first() {
      await producer.ready;
      const { userId, version } = act();
      const place = { redis } as ServingPlace;
      for (const until = performance.now() + START_MS; performance.now() < until;) {
        if (((await versionsInRedis(place, [userId])).get(userId) ?? 0) >= version) return;
        await delay(50);
      }
      throw new Error(`no list of ${userId} after ${START_MS} ms`);
    },
    async run(durationMs: number) {
      startedAt = performance.now();
      const first = sent;
      for (let elapsed = 0; elapsed < durationMs; elapsed = performance.now() - startedAt) {
        const due = first + Math.floor((elapsed * PER_SECOND) / 1000);
        while (sent < due) {
          const one = act();
          if (sent % WATCHED_EVERY === 0) watch(one);
        }
        await delay(EVERY_MS);
      }
      tookMs = performance.now() - startedAt;
      over = true;
    },
    close: () => producer.close(),
  };
}
