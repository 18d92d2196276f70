import { loadConfig, type Config } from '../config/config.ts';
import { createProgress, type Progress } from '../terminal/progress.ts';
import { createStack, type Stack } from './stack.ts';

/** The stack of the configured home, reporting to standard error. */
export function openStack(): { stack: Stack; progress: Progress; config: Config } {
  const config = loadConfig();
  const progress = createProgress(process.stderr);
  const stack = createStack({
    home: config.home,
    cache: config.cache,
    javaHome: config.stack.javaHome,
    objectStore: config.stack.objectStore,
    ports: {
      kafka: config.stack.kafkaPort,
      'kafka-controller': config.stack.controllerPort,
      registry: config.stack.registryPort,
      postgres: config.stack.postgresPort,
      valkey: config.stack.valkeyPort,
      'object-store': config.stack.objectStorePort,
    },
    progress,
  });
  return { stack, progress, config };
}
