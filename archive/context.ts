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
