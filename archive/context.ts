import { retryUntil } from '../common/retry-until.ts';
import type { ObjectStore } from '../connectors/object-store/object-store.ts';
import type { Failpoint } from '../streams/runtime/failpoints.ts';
import type { Log } from '../streams/runtime/observe/log.ts';
import type { RuntimeSettings } from '../streams/runtime/settings.ts';
import type { ArchiveSettings } from './settings.ts';

/** What the archive works with: its servers, its settings, and where it says what it does. */
export interface ArchiveContext {
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  /** Of marquee_writer. */
  readonly postgresUrl: string;
  readonly store: ObjectStore;
  readonly settings: ArchiveSettings;
  readonly runtime: RuntimeSettings;
  readonly log: Log;
  readonly failpoint: Failpoint;
  readonly signal?: AbortSignal;
  onProgress?(progress: ArchiveProgress): void;
}

export interface ArchiveProgress {
  readonly doneOffsets: number;
  readonly dueOffsets: number;
  readonly rows: number;
}

/** Tries on, as long as the operator's patience lasts, over faults that may pass; each is logged. */
export function withPatience<T>(
  { settings, log, signal }: Pick<ArchiveContext, 'settings' | 'log' | 'signal'>,
  work: () => Promise<T>,
): Promise<T> {
  return retryUntil(
    {
      backoff: { firstMs: 500, maxMs: 10_000 },
      patienceMs: settings.patienceMs,
      signal,
      retrying: ({ code, message }) => {
        log.warn({ event: 'archive_retry', code, reason: message });
      },
    },
    work,
  );
}
