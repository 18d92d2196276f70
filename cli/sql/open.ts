import { openEventsView } from '../../streams/archive/events-view.ts';
import type { EventsView } from '../../streams/archive/events-view.ts';
import type { Config } from '../config.ts';
import { formatCount } from '../show.ts';
import { installHttpfs } from '../stack/httpfs.ts';
import type { Progress } from '../stack/progress.ts';
import { silentProgress } from '../stack/progress.ts';

/** Opens `events` and `manifest` against this configuration; fetches DuckDB's S3 part when missing. */
export async function openEvents(
  config: Config,
  progress: Progress = silentProgress,
): Promise<EventsView> {
  const httpfs = await installHttpfs(config, progress);
  return openEventsView({
    postgresUrl: config.postgres.readerUrl,
    store: config.objectStore,
    httpfs,
    onHotRows: (rows) => {
      progress.note(`${formatCount(rows)} hot rows copied`);
    },
  });
}
