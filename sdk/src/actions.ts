import { MarqueeError } from '../../common/error.ts';
import type {
  RecommendationServe,
  RecommendationServeRecord,
  UserAction,
  UserActionRecord,
} from '../../schemas/generated/types.ts';
import type { Problem } from '../../schemas/problem.ts';
import { validateRecommendationServe } from '../../schemas/recommendation-serve.ts';
import { validateUserAction } from '../../schemas/user-action.ts';
import type { Action } from '../../schemas/user-action.ts';
import { parseUuid, uuidTimeMs } from '../../common/uuid.ts';

/** Fields of every action. */
export interface ActionFields {
  /** The user, by the app's own name: 1 to 256 characters. */
  readonly userId: string;
  /** When, by the app's clock: a Date or epoch milliseconds; by default now. */
  readonly occurredAt?: Date | number | undefined;
  /** Only to send the same event again: a UUIDv7 whose time is occurredAt. */
  readonly eventId?: string | undefined;
  readonly sessionId?: string | undefined;
  /** The recommendation serve that this answers: `requestId` of that serve. */
  readonly requestId?: string | undefined;
  /** Place of the movie in the list that was shown, from 1. */
  readonly position?: number | undefined;
  /** tv, phone, web; by default what the producer was made with. */
  readonly device?: string | undefined;
  /** Anything else: at most 32 entries. */
  readonly properties?: Readonly<Record<string, string>> | undefined;
}

export interface MovieAction extends ActionFields {
  /** The catalogue's number, at least 1. */
  readonly movieId: number;
}

export interface PlayAction extends MovieAction {
  /** Share watched so far, 0 to 1. */
  readonly value?: number | undefined;
}

export interface ProgressAction extends MovieAction {
  /** Share watched so far, 0 to 1. */
  readonly value: number;
}

export interface RateAction extends MovieAction {
  /** Stars, 0.5 to 5. */
  readonly value: number;
}

export interface SearchAction extends ActionFields {
  /** The movie that the search ended at, if it did. */
  readonly movieId?: number | undefined;
}

/** The fields of each action. */
export interface ActionArguments {
  readonly impression: MovieAction;
  readonly view: MovieAction;
  readonly click: MovieAction;
  readonly play: PlayAction;
  readonly progress: ProgressAction;
  readonly complete: PlayAction;
  readonly rate: RateAction;
  readonly like: MovieAction;
  readonly dislike: MovieAction;
  readonly list_add: MovieAction;
  readonly list_remove: MovieAction;
  readonly share: MovieAction;
  readonly search: SearchAction;
}

/** An action with its name, for `emit`. */
export type AnyAction = {
  [A in Action]: { readonly action: A } & ActionArguments[A];
}[Action];

export interface ServeFields {
  /** Null for somebody who was not signed in. */
  readonly userId: string | null;
  /** The movies served, best first. */
  readonly movieIds: readonly number[];
  /** The step of the serving chain that answered. */
  readonly source: RecommendationServe['source'];
  readonly algorithm: string;
  /** As many as movieIds, or none. */
  readonly scores?: readonly number[] | undefined;
  readonly modelVersion?: string | undefined;
  readonly surface?: string | undefined;
  /** Version of the rules that shaped the list. */
  readonly surfaceVersion?: string | undefined;
  readonly experiment?: string | undefined;
  readonly arm?: string | undefined;
  /** The request whose next page this is, and the first movie's place over all pages, from 1. */
  readonly afterRequestId?: string | undefined;
  readonly firstPosition?: number | undefined;
  /** Why each movie is there: as many as movieIds, or none. */
  readonly reasons?: readonly string[] | undefined;
  /** How probable each movie was at its place, above 0 and at most 1; none where all are 1. */
  readonly propensities?: readonly number[] | undefined;
  /** What each step on the way to the list said, in order; at most 16. */
  readonly steps?: readonly string[] | undefined;
  readonly latencyMs?: number | undefined;
  /** When, by the server's clock; by default now. */
  readonly servedAt?: Date | number | undefined;
  /** Only where it was made before: a UUIDv7 whose time is servedAt. */
  readonly requestId?: string | undefined;
  readonly properties?: Readonly<Record<string, string>> | undefined;
}

/** Fields that the producer fills in, and its source of ids. */
export interface ProducerIdentityFields {
  readonly app: string;
  readonly appVersion: string | null;
  readonly device: string | null;
  makeId(ms: number): Buffer;
}

type Loose = Readonly<Record<string, unknown>>;
type Kind = 'text' | 'text_or_null' | 'number' | 'time' | 'uuid' | 'map' | 'numbers' | 'texts';

const ACTION_KINDS: Readonly<Record<string, Kind>> = {
  action: 'text',
  userId: 'text',
  movieId: 'number',
  value: 'number',
  occurredAt: 'time',
  eventId: 'uuid',
  sessionId: 'text',
  requestId: 'uuid',
  position: 'number',
  device: 'text',
  properties: 'map',
};

const SERVE_KINDS: Readonly<Record<string, Kind>> = {
  userId: 'text_or_null',
  movieIds: 'numbers',
  source: 'text',
  algorithm: 'text',
  scores: 'numbers',
  modelVersion: 'text',
  surface: 'text',
  surfaceVersion: 'text',
  experiment: 'text',
  arm: 'text',
  afterRequestId: 'uuid',
  firstPosition: 'number',
  reasons: 'texts',
  propensities: 'numbers',
  steps: 'texts',
  latencyMs: 'number',
  servedAt: 'time',
  requestId: 'uuid',
  properties: 'map',
};

/**
 * Makes the record of an action. Throws MARQUEE_INVALID_ACTION with `field` for a field that nobody
 * knows, one of a wrong type, and one that breaks a rule.
 */
export function buildAction(
  action: Action,
  fields: object,
  self: ProducerIdentityFields,
): UserAction {
  const given = fields as Loose;
  checkKinds(given, ACTION_KINDS, action);
  const [id, ms] = identify(given, 'eventId', 'occurredAt', self);
  const record: UserActionRecord = {
    event_id: id,
    user_id: text(given, 'userId', action),
    action,
    movie_id: (given['movieId'] as number | undefined) ?? null,
    value: (given['value'] as number | undefined) ?? null,
    occurred_at: ms,
    session_id: (given['sessionId'] as string | undefined) ?? null,
    request_id: given['requestId'] === undefined ? null : uuid(given, 'requestId'),
    position: (given['position'] as number | undefined) ?? null,
    device: (given['device'] as string | undefined) ?? self.device,
    app: self.app,
    app_version: self.appVersion,
    properties: (given['properties'] as Record<string, string> | undefined) ?? {},
  };
  const found = validateUserAction(record);
  if (found !== null) throw invalid(found, action);
  return record as UserAction;
}

/** Makes the record of a serve; throws as `buildAction` does. */
export function buildServe(fields: object, self: ProducerIdentityFields): RecommendationServe {
  const given = fields as Loose;
  checkKinds(given, SERVE_KINDS, 'serve');
  const [id, ms] = identify(given, 'requestId', 'servedAt', self);
  if (given['movieIds'] === undefined) throw misuse('serve', 'movieIds', 'is missing');
  const record: RecommendationServeRecord = {
    request_id: id,
    user_id: given['userId'] === null ? null : text(given, 'userId', 'serve'),
    served_at: ms,
    source: text(given, 'source', 'serve'),
    algorithm: text(given, 'algorithm', 'serve'),
    model_version: orNull(given, 'modelVersion'),
    surface: orNull(given, 'surface'),
    movie_ids: given['movieIds'] as number[],
    scores: (given['scores'] as number[] | undefined) ?? [],
    latency_ms: (given['latencyMs'] as number | undefined) ?? null,
    app: self.app,
    properties: (given['properties'] as Record<string, string> | undefined) ?? {},
    surface_version: orNull(given, 'surfaceVersion'),
    experiment: orNull(given, 'experiment'),
    arm: orNull(given, 'arm'),
    after_request_id: given['afterRequestId'] === undefined ? null : uuid(given, 'afterRequestId'),
    first_position: (given['firstPosition'] as number | undefined) ?? 1,
    reasons: (given['reasons'] as string[] | undefined) ?? [],
    propensities: (given['propensities'] as number[] | undefined) ?? [],
    steps: (given['steps'] as string[] | undefined) ?? [],
  };
  const found = validateRecommendationServe(record);
  if (found !== null) throw invalid(found, 'serve');
  return record as RecommendationServe;
}

function checkKinds(given: Loose, kinds: Readonly<Record<string, Kind>>, call: string): void {
  for (const field in given) {
    const kind = Object.hasOwn(kinds, field) ? kinds[field] : undefined;
    if (kind === undefined) {
      const known = Object.keys(kinds).join(', ');
      throw misuse(call, field, `is no field of it; known are ${known}`);
    }
    const value = given[field];
    if (value !== undefined && !isKind(value, kind)) {
      throw misuse(call, field, `is ${shown(value)}: ${KIND_WORDS[kind]} expected`);
    }
  }
}

const KIND_WORDS: Readonly<Record<Kind, string>> = {
  text: 'a string',
  text_or_null: 'a string or null',
  number: 'a number',
  time: 'a Date or epoch milliseconds',
  uuid: 'a UUID in canonical form',
  map: 'an object of strings',
  numbers: 'a list of numbers',
  texts: 'a list of strings',
};

function isKind(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case 'text':
    case 'uuid':
      return typeof value === 'string';
    case 'text_or_null':
      return value === null || typeof value === 'string';
    case 'number':
      return typeof value === 'number';
    case 'time':
      return typeof value === 'number' || value instanceof Date;
    case 'map':
      return (
        typeof value === 'object' &&
        value !== null &&
        !Array.isArray(value) &&
        Object.values(value).every((entry) => typeof entry === 'string')
      );
    case 'numbers':
      return Array.isArray(value) && value.every((entry) => typeof entry === 'number');
    case 'texts':
      return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
  }
}

function text(given: Loose, field: string, call: string): string {
  const value = given[field];
  if (typeof value === 'string') return value;
  throw misuse(call, field, 'is missing');
}

function orNull(given: Loose, field: string): string | null {
  return (given[field] as string | undefined) ?? null;
}

function uuid(given: Loose, field: string): Buffer {
  const value = given[field] as string;
  const bytes = parseUuid(value);
  if (bytes === null) throw misuse('', field, `is ${shown(value)}: ${KIND_WORDS.uuid} expected`);
  return bytes;
}

/** Id and time: what is not given comes from the other, or from the clock. */
function identify(
  given: Loose,
  idField: string,
  timeField: string,
  self: ProducerIdentityFields,
): [id: Buffer, ms: number] {
  const time = given[timeField] as Date | number | undefined;
  const id = given[idField] === undefined ? null : uuid(given, idField);
  const ms = time === undefined ? (id === null ? Date.now() : uuidTimeMs(id)) : Number(time);
  if (!Number.isInteger(ms) || ms < 0 || ms >= 2 ** 48) {
    throw misuse('', timeField, `is ${shown(time)}: whole milliseconds from 1970 on expected`);
  }
  return [id ?? self.makeId(ms), ms];
}

function misuse(call: string, field: string, said: string): MarqueeError {
  const where = call === '' ? '' : `${call}: `;
  return new MarqueeError('MARQUEE_INVALID_ACTION', `${where}${field} ${said}`, { field });
}

/** The records' names are snake_case, the calls' camelCase. */
function invalid({ field, message }: Problem, call: string): MarqueeError {
  const name = camelCase(field);
  const said = message.startsWith(field) ? name + message.slice(field.length) : message;
  return new MarqueeError('MARQUEE_INVALID_ACTION', `${call}: ${said}`, { field: name });
}

function camelCase(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function shown(value: unknown): string {
  if (value instanceof Date) return String(value);
  const json = JSON.stringify(value) as string | undefined;
  return (json ?? String(value)).slice(0, 100);
}
