import { inject } from 'vitest';
import type { TopicName } from '../../../schemas/generated/topics.ts';
import { openEnvironment, type Environment } from './environment.ts';

/** The world of this run's fault tests, with empty topics and tables. */
export async function emptyEnvironment(
  settings: Readonly<Record<string, string>> = {},
  stamped: readonly TopicName[] = [],
): Promise<Environment> {
  const world = openEnvironment(inject('faultHome'), settings);
  await world.reset(stamped);
  return world;
}
