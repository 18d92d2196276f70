import { userLists } from '../lists/list-maker.ts';
import { itemJson } from '../lists/answer-json.ts';
import type { ListItem } from '../lists/list.ts';
import type { ListSources } from '../lists/list-sources.ts';
import type { Catalogue } from '../ranking/catalogue.ts';
import type { HistoryRow } from '../ranking/history.ts';
import type { Surface } from '../ranking/surface.ts';
import type { AnswerContext } from './context.ts';
import { recommend } from './recommend.ts';
import type { MovieField, RowsQuery } from './recommender.ts';
import { answerStart, fieldsOf, headOf } from './send.ts';
import type { ServedList } from './served-list.ts';
import { createSaid } from './said.ts';
import { likeOf } from './similar.ts';
import { askForUser, hiddenFrom } from './users-asked.ts';
import { NOTHING_SHOWN } from './wanted.ts';

type RowKind =
  | { readonly kind: 'for_you' }
  | { readonly kind: 'because_you'; readonly movieId: number }
  | { readonly kind: 'popular' }
  | { readonly kind: 'genre'; readonly genre: string };

/** A page of rows: one list for the log, cut where rows end. No movie stands in two of them. */
export interface RowsPage {
  readonly list: ServedList;
  readonly kinds: readonly RowKind[];
}

/** So many of the movies that speak most for others get a row of their own. */
const BECAUSE_ROWS = 3;

/** The user's list, rows after what they liked lately, what is popular, then genres of their list. */
export async function rows(context: AnswerContext, query: RowsQuery): Promise<RowsPage> {
  const surface = context.surface(query.surface);
  const sources = context.sources();
  const length = query.limit ?? surface.limit;
  const found = await recommend(context, { ...query, seen: null, after: null });
  const first = 'stored' in found ? found.list() : found;
  const user = query.personalize ? await askForUser(context, query.userId, createSaid()) : null;
  const taken = new Set([...query.filter.exclude, ...hiddenFrom(user, surface)]);
  const kinds: RowKind[] = [];
  const lengths: number[] = [];
  const items: ListItem[] = [];
  const add = (kind: RowKind, row: readonly ListItem[]): void => {
    if (row.length === 0 || kinds.length === query.rows) return;
    kinds.push(kind);
    lengths.push(row.length);
    items.push(...row);
    for (const { movieId } of row) taken.add(movieId);
  };

  add({ kind: 'for_you' }, first.items);
  for (const row of strongest(user?.history ?? [], sources)) {
    const lists = userLists(sources, likeOf(row.movieId), context.now());
    if (lists.personal)
      add(
        { kind: 'because_you', movieId: row.movieId },
        make(lists, query, surface, length, taken),
      );
  }
  const anybody = userLists(sources, null, context.now());
  add({ kind: 'popular' }, make(anybody, query, surface, length, taken));
  for (const genre of genresByList(first.items, sources.catalogue)) {
    if (kinds.length === query.rows) break;
    const own = { ...query, filter: { ...query.filter, genres: [genre] } };
    add({ kind: 'genre', genre }, make(anybody, own, surface, length, taken));
  }
  return { kinds, list: { ...first, items, rows: lengths } };
}

function make(
  lists: ReturnType<typeof userLists>,
  query: RowsQuery,
  surface: Surface,
  length: number,
  taken: ReadonlySet<number>,
): readonly ListItem[] {
  return lists.make({
    // Pins and reserved slots stand in the first row.
    surface: { ...surface, pins: [], reserved: [] },
    length,
    filter: { ...query.filter, exclude: [...taken] },
    seenPolicy: 'show',
    firstPosition: 1,
    shown: NOTHING_SHOWN,
  }).items;
}

/** The last liked movies, the newest first. */
function strongest(history: readonly HistoryRow[], { catalogue }: ListSources): HistoryRow[] {
  return history
    .filter(({ weight, movieId }) => weight >= 3 && catalogue.placeOf.has(movieId))
    .slice(-BECAUSE_ROWS)
    .reverse();
}

/** Genres by how many of a list's movies have them; ties by name. */
function genresByList(items: readonly ListItem[], catalogue: Catalogue): string[] {
  const counts = new Map<string, number>(catalogue.genres.map((genre) => [genre, 0]));
  for (const { movieId } of items)
    for (const genre of catalogue.genresOf[catalogue.placeOf.get(movieId) ?? -1] ?? []) {
      const name = catalogue.genres[genre] ?? '';
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  return [...counts].sort(([a, x], [b, y]) => y - x || a.localeCompare(b)).map(([name]) => name);
}

export function rowsJson(
  { list, kinds }: RowsPage,
  requestId: string,
  include: readonly MovieField[],
  catalogue: Catalogue,
): string {
  let at = 0;
  const rowTexts = kinds.map((kind, i) => {
    const end = at + (list.rows?.[i] ?? 0);
    const items = list.items
      .slice(at, end)
      .map((item, j) => itemJson(item, at + j + 1, fieldsOf(item.movieId, include, catalogue)));
    at = end;
    return `{${kindJson(kind, catalogue)},"items":[${items.join(',')}]}`;
  });
  const head = headOf(list).replace(/"items":\[$/, '"rows":[');
  return `${answerStart(requestId, list.source)}${head}${rowTexts.join(',')}]}`;
}

function kindJson(kind: RowKind, catalogue: Catalogue): string {
  switch (kind.kind) {
    case 'for_you':
      return '"kind":"for_you","title":"For you"';
    case 'popular':
      return '"kind":"popular","title":"Popular now"';
    case 'genre':
      return `"kind":"genre","title":${JSON.stringify(kind.genre)}`;
    case 'because_you': {
      const title = catalogue.titles[catalogue.placeOf.get(kind.movieId) ?? -1] ?? '';
      const words = JSON.stringify(`Because you liked ${title}`);
      return `"kind":"because_you","movie_id":${kind.movieId},"title":${words}`;
    }
  }
}
