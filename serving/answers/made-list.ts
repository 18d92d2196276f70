import type { Algorithm, ListItem } from '../lists/list.ts';
import type { ListSources } from '../lists/list-sources.ts';
import type { UserState } from '../ranking/history.ts';
import type { Surface } from '../ranking/surface.ts';
import type { Said } from './said.ts';
import type { ServedList } from './served-list.ts';

interface Made {
  readonly userId: string | null;
  readonly user: UserState | null;
  readonly surface: Surface;
  readonly sources: ListSources;
  /** Whether something that somebody did, or a movie, decided what is in it. */
  readonly personal: boolean;
  readonly made: { readonly algorithm: Algorithm; readonly items: readonly ListItem[] };
  readonly said: Said;
}

/** A list of one page that was made for this request, by the model or by what is popular. */
export function madeList(list: Made): ServedList {
  const { userId, user, surface, sources, personal, made, said } = list;
  if (personal) said.say('similarity', 'used');
  else said.say('popular', 'used');
  return {
    userId,
    surface,
    source: personal ? 'similarity' : 'popular',
    algorithm: made.algorithm,
    modelVersion: personal ? (sources.rankers?.items.version ?? null) : null,
    profileVersion: user?.profileVersion ?? 0,
    madeAt: Date.now(),
    items: made.items,
    firstPosition: 1,
    afterRequestId: null,
    steps: said.all,
    rows: null,
  };
}
