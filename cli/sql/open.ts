import { openEventsView } from '../../archive/query/events-view.ts';
import type { EventsView } from '../../archive/query/events-view.ts';
import type { Config } from '../config/config.ts';
import { formatCount } from '../terminal/format.ts';
import { installHttpfs } from '../stack/install/httpfs.ts';
import type { Progress } from '../terminal/progress.ts';
import { silentProgress } from '../terminal/progress.ts';

/** Below it nobody waits long enough to be told. */
const TOLD_ROWS = 100_000;

export interface OpenOptions {
  readonly progress?: Progress;
  /** Hot rows copied so far for the statement under way. */
  onHotRows?(rows: number): void;
}

/**
 * Opens `events` and `manifest` against this configuration; fetches DuckDB's S3 part when missing.
 */
export async function openEvents(config: Config, options: OpenOptions = {}): Promise<EventsView> {
  const { progress = silentProgress } = options;
  return openEventsView({
    postgresUrl: config.postgres.readerUrl,
    store: config.objectStore,
    httpfs: await installHttpfs(config, progress),
    onHotRows(rows) {
      if (rows >= TOLD_ROWS) progress.note(`${formatCount(rows)} hot rows copied`);
      options.onHotRows?.(rows);
    },
  });
}
