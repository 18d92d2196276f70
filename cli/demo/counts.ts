import type { Session } from '../../connectors/postgres/session.ts';
import { PROCESSORS } from '../../streams/index.ts';
import type { ImportCheck, ImportedNumber } from '../../streams/runtime/declared.ts';

/** Numbers of one import, as Kafka acknowledged them. */
export interface SentCounts {
  readonly importId: string;
  readonly actions: number;
  readonly serves: number;
  /** Actions that answer one of the serves. */
  readonly answers: number;
  readonly users: readonly string[];
  readonly movieIds: readonly number[];
}

/** The names by which an import's rows are found. */
export type ImportSubject = Pick<SentCounts, 'importId' | 'users' | 'movieIds'>;

/** Counts of an import's rows in the tables. */
export interface TableCounts {
  /** By check, then by user; checks that are not by user have the one key ''. */
  readonly checks: ReadonlyMap<ImportCheck, ReadonlyMap<string, number>>;
  /** Over all processors and times: what was refused, and what came too late. */
  readonly dead: number;
  readonly tooLate: number;
}

const LEDGER_COUNTS = `
SELECT coalesce(sum(dead_count), 0)::bigint AS dead,
  coalesce(sum(too_late_count), 0)::bigint AS "tooLate"
FROM stream_ledger`;

/** `about.users` are those that the import may be about. */
export async function readTableCounts(
  session: Session,
  about: ImportSubject,
): Promise<TableCounts> {
  const declared = Object.values(PROCESSORS).flatMap(({ importChecks }) => importChecks ?? []);
  const checks = new Map<ImportCheck, ReadonlyMap<string, number>>();
  for (const check of declared) {
    const rows = await session.query<{ key?: string; n: number }>(check.sql, [about[check.by]]);
    checks.set(check, new Map(rows.map(({ key, n }) => [key ?? '', n])));
  }
  const [ledger] = await session.query<{ dead: number; tooLate: number }>(LEDGER_COUNTS);
  if (ledger === undefined) throw new Error('the counts came without a row');
  return { checks, ...ledger };
}

/** One line of the comparison. */
export interface CountCheck {
  readonly table: string;
  readonly what: string;
  readonly sent: number;
  readonly found: number;
  /** Growth of `found` by this run. */
  readonly added: number;
}

/**
 * Holds what was sent against the tables before and after, as the processors declare it; nothing
 * may have been refused meanwhile.
 */
export function compareCounts(
  sent: SentCounts,
  before: TableCounts,
  after: TableCounts,
): readonly CountCheck[] {
  const declared = [...after.checks.keys()];
  const found = (counts: TableCounts, check: ImportCheck): number => {
    const byKey = counts.checks.get(check);
    const keys = check.by === 'users' ? sent.users : [''];
    return keys.reduce((sum, key) => sum + (byKey?.get(key) ?? 0), 0);
  };
  const growth = (check: ImportCheck): number => found(after, check) - found(before, check);
  const growthOf = (number: ImportedNumber): number => {
    const check = declared.find((c) => 'equals' in c && c.equals === number);
    return check === undefined ? 0 : growth(check);
  };
  const change = (table: string, what: string, expected: number, added: number): CountCheck => {
    return { table, what, sent: expected, found: added, added };
  };

  const compare = (check: ImportCheck): CountCheck => {
    const { table, what } = check;
    if ('growsWith' in check) return change(table, what, growthOf(check.growsWith), growth(check));
    const expected = numberSent(sent, check.equals);
    return { table, what, sent: expected, found: found(after, check), added: growth(check) };
  };
  return [
    ...declared.map(compare),
    change('dead_letters', 'refused', 0, after.dead - before.dead),
    change('stream_ledger', 'too late', 0, after.tooLate - before.tooLate),
  ];
}

function numberSent(sent: SentCounts, number: ImportedNumber): number {
  switch (number) {
    case 'users':
      return sent.users.length;
    case 'movies':
      return sent.movieIds.length;
    case 'actions':
    case 'serves':
    case 'answers':
      return sent[number];
  }
}

export function agrees(check: CountCheck): boolean {
  return check.sent === check.found;
}
