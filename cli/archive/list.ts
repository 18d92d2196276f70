import { loadConfig } from '../config.ts';
import { left, print, printJson, right, table, withSession } from '../operate/output.ts';
import { formatBytes, formatCount } from '../show.ts';

/** The command `marquee archive ls`. */
export async function archiveList(json: boolean): Promise<void> {
  const config = loadConfig();
  const dates = await withSession(config.postgres.readerUrl, 'archive-ls', (session) =>
    session.query<{ date: string; files: number; rows: number; bytes: number }>(
      `SELECT date::text, count(*) AS files, sum(rows)::bigint AS rows, sum(bytes)::bigint AS bytes
         FROM archive_manifest GROUP BY 1 ORDER BY 1`,
    ),
  );
  if (json) {
    printJson(dates);
    return;
  }
  if (dates.length === 0) {
    print('The archive is empty. `marquee archive run` fills it.');
    return;
  }
  print(
    table(
      [left('date'), right('files'), right('rows'), right('size')],
      dates.map((d) => [d.date, formatCount(d.files), formatCount(d.rows), formatBytes(d.bytes)]),
    ),
  );
}
