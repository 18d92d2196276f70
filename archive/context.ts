import { retryUntil } from '../common/retry-until.ts';
import type { ObjectStore } from '../connectors/object-store/object-store.ts';
import type { Log } from '../common/log.ts';
import type { RuntimeSettings } from '../streams/runtime/settings.ts';
import type { ArchiveFailpoint } from './failpoints.ts';
import type { ArchiveSettings } from './settings.ts';

/** Servers and settings of the archive, and the hooks by which it tells what it does. */
export interface ArchiveContext {
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  /** Of marquee_writer. */
  readonly postgresUrl: string;
  readonly store: ObjectStore;
  readonly settings: ArchiveSettings;
  readonly runtime: RuntimeSettings;
  readonly log: Log;
  readonly failpoint: ArchiveFailpoint;
  readonly signal?: AbortSignal;
  onProgress?(progress: ArchiveProgress): void;
}

export interface ArchiveProgress {
  readonly doneOffsets: number;
  readonly dueOffsets: number;
  readonly rows: number;
}

/** Tries the work again after faults that may pass, until the patience ends; each is logged. */
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
