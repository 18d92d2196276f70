import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BenchStack } from '../runner/stack.ts';
import type { Mix } from './emit.ts';

export interface SdkResult {
  readonly events: number;
  readonly failed: number;
  /** Events that were sent once more. */
  readonly retried: number;
  readonly eventsPerSecond: number;
  /** CPU seconds per million events: microseconds an event. */
  readonly cpuPerMillion: number;
  readonly peakRss: number;
}

/** Events a second that the broker acknowledged to one producer of the SDK, after a warm-up. */
export async function measureSdk(stack: BenchStack, events: number, mix: Mix): Promise<SdkResult> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    join(import.meta.dirname, 'emit-child.ts'),
    stack.brokers.join(','),
    stack.registryUrl,
    String(events),
    mix,
  ]);
  return JSON.parse(stdout) as SdkResult;
}
