import { createRandom } from '../../../common/random.ts';
import type { Random } from '../../../common/random.ts';
import { anchorOf, BATCH_USERS, GROUPS, moviesOf, popularOf, SURFACES, USERS } from './marked.ts';
import type { SurfaceName } from './marked.ts';

export type Whom = 'acts' | 'batch' | 'nobody';
export type Call = 'recommend' | 'rows' | 'rank' | 'similar' | 'session' | 'popular';

/** A request, and what is known of who asks. */
export interface Question {
  readonly call: Call;
  readonly path: string;
  readonly body: unknown;
  readonly whom: Whom;
  readonly userId: string | null;
  readonly group: number | null;
  readonly surface: SurfaceName;
}

const pick = <T>(random: Random, from: readonly T[]): T => from[random.below(from.length)] as T;

/** Questions of all kinds, most for a user's list; the same for the same seed. */
export function createQuestions(seed: number): (n: number) => Question {
  const random = createRandom(seed);
  return (n) => {
    const surface = pick(random, SURFACES);
    const kind = random.below(100);
    const asker = askerOf(random, n);
    if (kind < 76) return recommend(asker, surface);
    if (kind < 82) return ofUser('rows', asker, surface, `rows?surface=${surface}&rows=3`, null);
    if (kind < 88) return rankOf(asker, surface);
    return ofAnybody(random.below(3), random.below(GROUPS), surface);
  };
}

type Asker = Pick<Question, 'whom' | 'userId' | 'group'> & { readonly userId: string };

function askerOf(random: Random, n: number): Asker {
  const die = random.below(100);
  if (die < 65) return { whom: 'acts', ...pick(random, USERS) };
  if (die < 85) return { whom: 'batch', ...pick(random, BATCH_USERS) };
  return { whom: 'nobody', userId: `nobody-${n % 50}`, group: null };
}

export function recommend(asker: Asker, surface: SurfaceName): Question {
  return ofUser('recommend', asker, surface, `recommendations?surface=${surface}`, null);
}

function ofUser(
  call: Call,
  asker: Asker,
  surface: SurfaceName,
  path: string,
  body: unknown,
): Question {
  return { call, ...asker, surface, body, path: `/v1/users/${asker.userId}/${path}` };
}

function rankOf(asker: Asker, surface: SurfaceName): Question {
  const group = asker.group ?? 0;
  const movieIds = [
    ...popularOf(surface).slice(0, 5),
    ...[1, 2].flatMap((model) => moviesOf('ranked', model, group, surface).slice(0, 5)),
  ];
  return ofUser('rank', asker, surface, 'rank', { surface, movie_ids: movieIds });
}

function ofAnybody(kind: number, group: number, surface: SurfaceName): Question {
  const anybody = { whom: 'nobody', userId: null, group, surface } as const;
  const movieId = anchorOf(group);
  if (kind === 0) {
    const path = `/v1/movies/${movieId}/similar?surface=${surface}`;
    return { ...anybody, call: 'similar', path, body: null };
  }
  if (kind === 1) {
    const actions = [{ movie_id: movieId, action: 'like' }];
    const body = { surface, actions };
    return { ...anybody, call: 'session', path: '/v1/session/recommendations', body };
  }
  const path = `/v1/popular?surface=${surface}`;
  return { ...anybody, group: null, call: 'popular', path, body: null };
}
