import { join } from 'node:path';
import type { Config } from '../config/config.ts';

/** The servers of processors and their settings, as running, replaying and rebuilding take them. */
export function streamOptions({
  home,
  kafka,
  registry,
  postgres,
  redis,
  serving,
  runtime,
}: Config) {
  return {
    brokers: kafka.brokers,
    kafkaClient: kafka.client,
    registryUrl: registry.url,
    postgresUrl: postgres.writerUrl,
    redisUrl: redis.url,
    surfacesFile: serving.surfacesFile,
    stateFolder: join(home, 'serving', 'streams'),
    settings: runtime.settings,
  };
}
