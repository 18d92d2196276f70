import { expect, it } from 'vitest';
import { createRecentServes } from '../../../../serving/answers/recent-serves.ts';
import type { RecentServe } from '../../../../serving/answers/recent-serves.ts';

const serveAt = (servedAt: number): RecentServe => ({
  servedAt,
  list: () => {
    throw new Error('not asked for');
  },
});

it('knows the last 2,500 serves at any time, and never more than 5,000', () => {
  const recent = createRecentServes();
  for (let n = 0; n < 20_000; n++) {
    recent.add(`r${n}`, serveAt(n));
    expect(recent.get(`r${n}`)?.servedAt).toBe(n);
    const oldest = n - 2_499;
    if (oldest >= 0) expect(recent.get(`r${oldest}`)?.servedAt).toBe(oldest);
    if (n >= 5_000) expect(recent.get(`r${n - 5_000}`)).toBeNull();
  }
});
