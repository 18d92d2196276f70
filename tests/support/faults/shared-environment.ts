import { inject } from 'vitest';
import type { TopicName } from '../../../schemas/generated/topics.ts';
import { openWorld, type World } from './environment.ts';

/** The world of this run's fault tests, with empty topics and tables. */
export async function emptyWorld(
  settings: Readonly<Record<string, string>> = {},
  stamped: readonly TopicName[] = [],
): Promise<World> {
  const world = openWorld(inject('faultHome'), settings);
  await world.reset(stamped);
  return world;
}
