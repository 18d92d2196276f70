import type { Asked } from './load.ts';
import { LIMIT, moviesOf, popularOf } from './marked.ts';

export interface AnswerJson {
  readonly request_id: string;
  readonly user_id: string | null;
  readonly surface: string;
  readonly source: string;
  readonly model_version: string | null;
  readonly profile_version?: number;
  readonly items?: readonly Item[];
  readonly rows?: readonly { readonly kind: string; readonly items: readonly Item[] }[];
}

interface Item {
  readonly movie_id: number;
  readonly position: number;
}

/** What may be true of an answer, as the test knows it. */
export interface Truth {
  /** Number of the marked model that a version is. */
  readonly models: ReadonlyMap<string, number>;
  /** Whether a version was the active one at some time from then to then, within the poll's bound. */
  wasActive(version: string, from: number, to: number): boolean;
  /** Movies that are gone, since when: epoch ms. */
  readonly withdrawn: ReadonlyMap<number, number>;
}

/** A withdrawn movie is in no answer of any source after so long. */
const WITHDRAWN_MS = 5_000;

/** What is wrong with an answer; null when nothing is. Of what is no answer nothing is said. */
export function faultOf(asked: Asked, truth: Truth): string | null {
  if (asked.status !== 200) return null;
  const { question } = asked;
  const answer = JSON.parse(asked.text) as AnswerJson;
  const items = answer.rows?.flatMap((row) => row.items) ?? answer.items ?? [];
  const ids = items.map((item) => item.movie_id);
  const wrong =
    ofAnother(asked, answer) ??
    wrongModel(asked, answer, truth) ??
    (new Set(ids).size < ids.length ? 'a movie stands in it twice' : null) ??
    (items.some(({ position }, i) => position !== i + 1) ? 'positions have a gap' : null) ??
    wrongMovies(asked, answer, truth) ??
    isWithdrawn(asked, ids, truth);
  return wrong === null ? null : `${question.path} (${question.call}): ${wrong}: ${asked.text}`;
}

function ofAnother({ question }: Asked, answer: AnswerJson): string | null {
  if (answer.user_id !== question.userId) return `it is of the user ${answer.user_id}`;
  return answer.surface === question.surface ? null : `it is of the surface ${answer.surface}`;
}

function wrongModel(
  { startedAt, endedAt }: Asked,
  { source, model_version: version }: AnswerJson,
  truth: Truth,
): string | null {
  if (source === 'popular') return version === null ? null : 'what is popular names a model';
  if (version === null) return 'it names no model';
  return truth.wasActive(version, startedAt, endedAt) ? null : 'its model did not serve then';
}

/** Movies of another user's group, another model or another surface. */
function wrongMovies({ question }: Asked, answer: AnswerJson, truth: Truth): string | null {
  const { call, surface } = question;
  const expected = expectedMovies(question, answer, truth);
  if (expected === null) return `the source ${answer.source} is not one for ${question.whom}`;
  if (call === 'rank') return null;
  const first = call === 'rows' ? (answer.rows?.[0]?.items ?? []) : (answer.items ?? []);
  if (first.length !== LIMIT) return `it has ${first.length} movies`;
  const strays = first.filter(({ movie_id: id }) => !expected.includes(id));
  const others = (answer.rows ?? []).slice(1).flatMap((row) => row.items);
  const ofSurface = new Set(allOfSurface(surface));
  const elsewhere = others.filter(({ movie_id: id }) => !ofSurface.has(id));
  return [...strays, ...elsewhere].length === 0 ? null : 'it has movies of another list';
}

function expectedMovies(
  { group, surface, whom, call }: Asked['question'],
  { source, model_version: version }: AnswerJson,
  truth: Truth,
): readonly number[] | null {
  if (source === 'popular') return popularOf(surface);
  const model = truth.models.get(version ?? '');
  if (model === undefined || group === null) return null;
  if (source === 'batch') return whom === 'batch' ? moviesOf('batch', model, group, surface) : null;
  const knowsUser = whom === 'acts' || call === 'similar' || call === 'session';
  return knowsUser ? moviesOf('ranked', model, group, surface) : null;
}

function allOfSurface(surface: Asked['question']['surface']): number[] {
  const groups = [0, 1, 2, 3, 4, 5];
  return [
    ...popularOf(surface),
    ...[1, 2].flatMap((model) =>
      groups.flatMap((group) => [
        ...moviesOf('ranked', model, group, surface),
        ...moviesOf('batch', model, group, surface),
      ]),
    ),
  ];
}

function isWithdrawn({ startedAt }: Asked, ids: readonly number[], truth: Truth): string | null {
  const gone = ids.find((id) => startedAt > (truth.withdrawn.get(id) ?? Infinity) + WITHDRAWN_MS);
  return gone === undefined ? null : `movie ${gone} was withdrawn`;
}

/** The sources of lists that users of a kind got, of requests that began from then on. */
export function sourcesOf(
  asked: readonly Asked[],
  whom: Asked['question']['whom'],
  from: number,
): string[] {
  const found = asked
    .filter(({ question, startedAt, status }) => {
      return status === 200 && question.whom === whom && startedAt >= from;
    })
    .filter(({ question }) => question.call === 'recommend')
    .map(({ text }) => (JSON.parse(text) as AnswerJson).source);
  return [...new Set(found)].sort();
}
