import type { Config } from '../config/config.ts';

/** The servers of processors and their settings, as running, replaying and rebuilding take them. */
export function streamOptions({ kafka, registry, postgres, runtime }: Config) {
  return {
    brokers: kafka.brokers,
    kafkaClient: kafka.client,
    registryUrl: registry.url,
    postgresUrl: postgres.writerUrl,
    settings: runtime.settings,
  };
}
