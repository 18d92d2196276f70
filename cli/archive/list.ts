import { listArchiveDates } from '../../operations/archive-dates.ts';
import type { ArchiveDate } from '../../operations/archive-dates.ts';
import { loadConfig } from '../config/config.ts';
import { withSession } from '../config/session.ts';
import { left, print, printJson, right, table } from '../terminal/output.ts';
import { formatBytes, formatCount } from '../terminal/format.ts';

/** Of history more dates than these are shown by year. */
const HISTORY_DATES_MAX = 31;

/** The command `marquee archive ls`. */
export async function archiveList(flags: { json: boolean; dates: boolean }): Promise<void> {
  const config = loadConfig();
  const dates = await withSession(config.postgres.readerUrl, 'archive-ls', listArchiveDates);
  if (flags.json) {
    printJson(dates);
    return;
  }
  if (dates.length === 0) {
    print('The archive is empty. `marquee archive run` fills it.');
    return;
  }
  const shown = flags.dates ? dates : byYear(dates);
  print(
    table(
      [left('date'), left('source'), right('files'), right('rows'), right('size')],
      shown.map((d) => [
        d.date,
        d.source,
        formatCount(d.files),
        formatCount(d.rows),
        formatBytes(d.bytes),
      ]),
    ),
  );
  if (shown.length < dates.length)
    print('History is shown by year: --dates has each date, `backfill ls` each file.');
}

/** History of thousands of dates with a line a year; what came from Kafka as it is. */
function byYear(dates: readonly ArchiveDate[]): readonly ArchiveDate[] {
  if (dates.filter(({ source }) => source === 'history').length <= HISTORY_DATES_MAX) return dates;
  const years = new Map<string, ArchiveDate>();
  const rest: ArchiveDate[] = [];
  for (const state of dates) {
    if (state.source !== 'history') {
      rest.push(state);
      continue;
    }
    const date = state.date.slice(0, 4);
    const year = years.get(date) ?? { ...state, date, files: 0, rows: 0, bytes: 0 };
    years.set(date, {
      ...year,
      files: year.files + state.files,
      rows: year.rows + state.rows,
      bytes: year.bytes + state.bytes,
    });
  }
  return [...years.values(), ...rest].sort((a, b) => (a.date < b.date ? -1 : 1));
}
