import type { Session } from '../../connectors/postgres/session.ts';
import type { ImportSource } from '../import/import-source.ts';
import { formatCount, formatRate, formatTable } from '../terminal/format.ts';
import { formatSeconds } from '../terminal/text.ts';
import { agrees } from './counts.ts';
import type { CountCheck } from './counts.ts';
import type { ConsumerPosition } from './catch-up.ts';

export interface JobResult {
  readonly checks: readonly CountCheck[];
  readonly actions: number;
  /** From the first action to its last acknowledgement. */
  readonly sendMs: number;
  /** From the first message to the last row. */
  readonly totalMs: number;
}

/**
 * One line on how far the readers of user actions are, in per cent of the actions that are to come;
 * the other topics are short.
 */
export function createPositionLine(
  actions: number,
): (positions: readonly ConsumerPosition[], isFinal: boolean) => string {
  const first = new Map<string, number>();
  return (positions, isFinal) => {
    const shares = positions
      .filter(({ topic }) => topic === 'user-actions.v1')
      .map(({ processor, applied, total, caughtUp }) => {
        if (!first.has(processor)) first.set(processor, applied);
        const base = first.get(processor) ?? 0;
        const goal = Math.max(1, isFinal ? total - base : actions);
        const share = isFinal && caughtUp ? 1 : Math.min(0.99, (applied - base) / goal);
        return `${processor} ${Math.floor(share * 100)}%`;
      });
    return shares.join(', ');
  };
}

export function describeCounts(source: ImportSource, result: JobResult): string {
  const { checks, actions, sendMs, totalMs } = result;
  const rows = checks.map((check) => [
    agrees(check) ? 'ok' : '!!',
    check.table,
    check.what,
    formatCount(check.sent),
    formatCount(check.found),
    formatCount(check.added),
  ]);
  const wrong = checks.filter((check) => !agrees(check)).length;
  const right = { align: 'right' } as const;
  const table = formatTable(
    [
      { title: '' },
      { title: 'table' },
      { title: 'what' },
      { title: 'sent', ...right },
      { title: 'there', ...right },
      { title: 'new', ...right },
    ],
    rows,
  );
  const verdict =
    wrong === 0
      ? 'Every count agrees with what was sent.'
      : `${wrong} count(s) DISAGREE with what was sent.`;
  const speed =
    actions === 0
      ? []
      : [
          `${formatCount(actions)} actions: acknowledged in ${formatSeconds(sendMs)} ` +
            `(${formatRate(actions, sendMs)}),`,
          `in every table after ${formatSeconds(totalMs)} (${formatRate(actions, totalMs)}).`,
        ];
  return ['', `${source.name}: sent, and in the tables`, table, ...speed, verdict].join('\n');
}

const SAMPLES: readonly { readonly title: string; readonly sql: string }[] = [
  {
    title: 'recent_interactions: the latest actions',
    sql: `SELECT to_char(occurred_at AT TIME ZONE 'UTC', 'HH24:MI:SS') AS at, user_id, action,
                 coalesce(m.title, '') AS movie, value
          FROM recent_interactions LEFT JOIN movies m USING (movie_id)
          ORDER BY event_id DESC LIMIT 3`,
  },
  {
    title: 'profiles: the busiest users',
    sql: `SELECT user_id, total_interactions AS actions, impressions AS shown, clicks, plays, rates,
                 round(average_rating, 2) AS stars
          FROM profiles ORDER BY total_interactions DESC, user_id LIMIT 3`,
  },
  {
    title: 'user_history: what weighs most with the busiest user',
    sql: `SELECT coalesce(m.title, h.movie_id::text) AS movie,
                 round(h.weight_milli / 1000.0, 1) AS weight, h.seen,
                 round(h.rating_milli / 1000.0, 1) AS rating
          FROM user_history h LEFT JOIN movies m USING (movie_id)
          WHERE h.user_id = (SELECT user_id FROM user_profiles
                             ORDER BY total_interactions DESC, user_id LIMIT 1)
          ORDER BY h.weight_milli DESC, h.movie_id LIMIT 3`,
  },
  {
    title: 'movies: best liked of those with 20 ratings or more in the window',
    sql: `SELECT m.title, m.year::text AS year, array_to_string(m.genres, ' ') AS genres,
                 count(*) AS ratings, round(avg(i.value)::numeric, 2) AS stars
          FROM recent_interactions i JOIN movies m USING (movie_id)
          WHERE i.action = 'rate'
          GROUP BY m.movie_id HAVING count(*) >= 20
          ORDER BY avg(i.value) DESC, m.movie_id LIMIT 3`,
  },
  {
    title: 'ctr: clicks on what was served, by source',
    sql: `SELECT source, algorithm, sum(serves)::bigint AS serves,
                 sum(items_shown)::bigint AS shown, sum(items_clicked)::bigint AS clicked,
                 round(sum(items_clicked) / nullif(sum(items_shown), 0), 3) AS ctr
          FROM ctr GROUP BY 1, 2 ORDER BY ctr DESC NULLS LAST LIMIT 4`,
  },
];

/** A few rows of each table, by the views that analysts start from. Empty ones are left out. */
export async function describeSamples(session: Session): Promise<string> {
  const parts: string[] = [];
  for (const { title, sql } of SAMPLES) {
    const rows = await session.query<Record<string, unknown>>(sql);
    const [first] = rows;
    if (first === undefined) continue;
    const columns = Object.entries(first).map(([name, value]) => ({
      title: name,
      align: isNumber(value) ? ('right' as const) : ('left' as const),
    }));
    const cells = rows.map((row) => Object.values(row).map(toText));
    parts.push(['', title, formatTable(columns, cells)].join('\n'));
  }
  return parts.join('\n');
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number' || (typeof value === 'string' && /^-?[\d.]+$/.test(value));
}

function toText(value: unknown): string {
  if (value === null || value === undefined) return '-';
  if (typeof value === 'number')
    return Number.isInteger(value) ? formatCount(value) : String(value);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export function describeNext(totalMs: number): string {
  return [
    '',
    `Done in ${formatSeconds(totalMs)}. The servers stay up; the processors were stopped. Try next:`,
    '  ./marquee psql              ask the tables: ten questions in docs/questions.md',
    '  ./marquee run               the processors again; a second one shares the work',
    '  ./marquee import synthetic --round 2     more traffic, applied while they run',
    '  ./marquee sql               ask hot and cold events together',
    '  ./marquee audit             hold tables, ledger and archive against each other',
    '  ./marquee model ls          the models of the batch stage, and how they rank',
    '  ./marquee status            what runs where, and the read-only address',
    '  ./marquee config            every setting, and where it comes from',
    '  ./marquee down              stop the servers; the data stays',
  ].join('\n');
}
