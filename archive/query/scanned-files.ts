/** Files that DuckDB's plan of a statement reads, told from EXPLAIN. */

/** A node of `EXPLAIN (FORMAT json)`. */
export interface PlanNode {
  readonly name: string;
  readonly children?: readonly PlanNode[];
  readonly extra_info?: Readonly<Record<string, string>>;
}

export type ScannedShare = 'none' | 'some' | 'all';

/** The share of the view's files that a plan scans; `all` where it doesn't say. */
export function scannedShare(plan: readonly PlanNode[]): ScannedShare {
  let share: ScannedShare = 'none';
  const visit = ({ name, children = [], extra_info: info = {} }: PlanNode): void => {
    children.forEach(visit);
    if (!/PARQUET/.test(name) && !/PARQUET/.test(info['Function'] ?? '')) return;
    const [, part, all] = /^(\d+)\/(\d+)$/.exec(info['Scanning Files'] ?? '') ?? [];
    if (part === undefined || part === all) share = 'all';
    else if (part !== '0' && share === 'none') share = 'some';
  };
  plan.forEach(visit);
  return share;
}

/**
 * The dates whose files are scanned; `scanned` is asked for all at once, and singly only if it
 * must.
 */
export async function scannedDates(
  dates: readonly string[],
  scanned: (dates: readonly string[]) => Promise<ScannedShare>,
): Promise<readonly string[]> {
  const share = await scanned(dates);
  if (share === 'none') return [];
  if (share === 'all') return dates;
  const found: string[] = [];
  for (const date of dates) if ((await scanned([date])) !== 'none') found.push(date);
  return found;
}

/** Statements that read no relation, and that must also work in a transaction that failed. */
const READS_NOTHING = new Set(
  (
    'begin start commit end rollback abort set reset use load install attach detach drop pragma ' +
    'checkpoint prepare deallocate alter comment'
  ).split(' '),
);

export function readsNothing(statement: string): boolean {
  return READS_NOTHING.has(firstWord(statement));
}

/** True when a statement takes back what the view has become since its BEGIN. */
export function undoesView(statement: string): boolean {
  return ['rollback', 'abort'].includes(firstWord(statement));
}

function firstWord(statement: string): string {
  return /^\s*(\w*)/.exec(statement)?.[1]?.toLowerCase() ?? '';
}
