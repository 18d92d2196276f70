import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { LogFields } from '../../../common/log.ts';
import type { SpoolLog } from '../../../serving/log/losses.ts';

/** A folder of this test's own, gone after it. */
export function spoolFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'marquee-spool-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  return folder;
}

/** Keeps what was said, with the level. */
export function memoryLog(): SpoolLog & {
  readonly said: (LogFields & { readonly level: string })[];
} {
  const said: (LogFields & { readonly level: string })[] = [];
  const keep = (level: string) => (fields: LogFields) => {
    said.push({ level, ...fields });
  };
  return { said, info: keep('info'), warn: keep('warn'), error: keep('error') };
}

/** Nobody listens there: what is appended stays in the spool. */
export const KAFKA_AWAY = {
  brokers: ['127.0.0.1:1'],
  registryUrl: 'http://127.0.0.1:1',
} as const;
