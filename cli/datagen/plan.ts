import { createHash } from 'node:crypto';
import { MarqueeError } from '../../common/error.ts';

/** The plan of a synthetic world; it decides every byte of it. */
export interface WorldPlan {
  /** Decides the world: its movies, its users and their tastes. */
  readonly seed: number;
  /** Decides the visits of its users: another round is more traffic of the same world. */
  readonly round: number;
  readonly users: number;
  readonly movies: number;
  /** User actions; serves come on top. */
  readonly events: number;
  readonly hours: number;
  /** Epoch milliseconds that no event is after; the first lies up to `hours` before. */
  readonly untilMs: number;
}

export const DEFAULT_WORLD = {
  seed: 1,
  round: 1,
  users: 600,
  movies: 1_200,
  events: 100_000,
  hours: 12,
};

const BOUNDS: Readonly<Record<keyof typeof DEFAULT_WORLD, readonly [number, number]>> = {
  seed: [0, 2 ** 32 - 1],
  round: [0, 2 ** 32 - 1],
  users: [1, 10_000_000],
  movies: [20, 999_999],
  events: [1, 1_000_000_000],
  hours: [1, 24 * 365],
};

/** Throws MARQUEE_WORLD_PLAN that names the number at fault. */
export function checkPlan(plan: WorldPlan): void {
  for (const [name, [min, max]] of Object.entries(BOUNDS)) {
    const value = plan[name as keyof typeof DEFAULT_WORLD];
    const whole = name === 'hours' || Number.isSafeInteger(value);
    if (whole && value >= min && value <= max) continue;
    throw new MarqueeError(
      'MARQUEE_WORLD_PLAN',
      `a world with ${value} as its ${name}: it must be from ${min} to ${max}`,
      { field: name },
    );
  }
}

/** Names the world whatever its place in time: SHA-256 (hex) of the plan without `untilMs`. */
export function worldHash(plan: Omit<WorldPlan, 'untilMs'>): string {
  const { seed, round, users, movies, events, hours } = plan;
  const text = `world-1/${[seed, round, users, movies, events, hours].join('/')}`;
  return createHash('sha256').update(text).digest('hex');
}
