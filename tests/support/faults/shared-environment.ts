import { inject } from 'vitest';
import type { TopicName } from '../../../schemas/generated/topics.ts';
import { openEnvironment, type Environment } from './environment.ts';

/** The environment of this run's fault tests, with empty topics and tables. */
export async function emptyEnvironment(
  settings: Readonly<Record<string, string>> = {},
  stamped: readonly TopicName[] = [],
): Promise<Environment> {
  const environment = openEnvironment(inject('faultHome'), settings);
  await environment.reset(stamped);
  return environment;
}
