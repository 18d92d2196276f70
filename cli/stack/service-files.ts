import { join } from 'node:path';
import { runningRecord, type ProcessRecord } from './host/process.ts';
import type { ServiceName } from './services/service-names.ts';

/** The file by which a later command finds the process that an earlier one started. */
export function recordFile(home: string, name: ServiceName): string {
  return join(home, 'run', `${name}.json`);
}

export function logFile(home: string, name: ServiceName): string {
  return join(home, 'logs', `${name}.log`);
}

/** The process of a service; null when it has none that lives. */
export function runningService(home: string, name: ServiceName): ProcessRecord | null {
  return runningRecord(recordFile(home, name));
}
