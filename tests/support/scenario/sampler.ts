import { setTimeout as delay } from 'node:timers/promises';
import type { Finding } from './checks.ts';
import { openDatabase } from '../faults/database.ts';

export interface SampledPosition {
  readonly processor: string;
  readonly topic: string;
  readonly partition: number;
  readonly next_offset: number;
  readonly owner_epoch: number;
  readonly owner: string | null;
}

/** Looks at stream_offsets all the while, and holds each look against the one before. */
export interface Sampler {
  /** As last seen. */
  latest(): ReadonlyMap<string, SampledPosition>;
  /** Batches of this process that were seen: partitions that moved under its ownership. */
  progressOf(pid: number): number;
  stop(): Promise<Finding>;
}

const INTERVAL_MS = 40;

export function ownerPid(owner: string | null): number | null {
  const part = owner?.split('/')[2];
  return part === undefined ? null : Number(part);
}

export function startSampler(url: string): Sampler {
  const db = openDatabase(url);
  const stopping = new AbortController();
  const seen = new Map<string, SampledPosition>();
  const progress = new Map<number, number>();
  const backward: string[] = [];
  let looks = 0;

  function compare(now: SampledPosition): void {
    const key = `${now.processor} ${now.topic}/${now.partition}`;
    const before = seen.get(key);
    seen.set(key, now);
    if (before === undefined) return;
    if (now.next_offset < before.next_offset || now.owner_epoch < before.owner_epoch)
      backward.push(`${key}: ${JSON.stringify(before)} then ${JSON.stringify(now)}`);
    const pid = ownerPid(now.owner);
    if (pid !== null && now.owner === before.owner && now.next_offset > before.next_offset)
      progress.set(pid, (progress.get(pid) ?? 0) + 1);
  }

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      // Away on purpose now and then: the next look counts.
      const rows = await db
        .query<SampledPosition & Record<string, unknown>>(
          'SELECT processor, topic, partition, next_offset, owner_epoch, owner FROM stream_offsets',
        )
        .catch(() => []);
      if (rows.length > 0) looks++;
      rows.forEach(compare);
      await delay(INTERVAL_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }
  const running = loop();

  return {
    latest: () => seen,
    progressOf: (pid) => progress.get(pid) ?? 0,
    async stop() {
      stopping.abort();
      await running;
      await db.close();
      return {
        check: `next_offset and owner_epoch never went back (${looks} looks)`,
        holds: backward.length === 0 && looks > 0,
        found: backward.slice(0, 3).join('; '),
      };
    },
  };
}
