import type { Static, TObject, TSchema } from 'typebox';
import type { AnswerBody } from '../../answers/recommender.ts';
import type { ApiKey, Scope } from '../keys/api-key.ts';

/** What a path is, asks and answers: validation, types and the OpenAPI page come from this alone. */
export interface RouteSpec {
  readonly method: 'GET' | 'POST';
  /** As OpenAPI writes it: /v1/users/{id}/rows */
  readonly path: string;
  readonly operationId: string;
  readonly tag: 'recommendations' | 'events' | 'operations';
  readonly summary: string;
  readonly description?: string;
  /** Null where no key is asked for. */
  readonly scope: Scope | null;
  readonly params?: TObject;
  readonly query?: TObject;
  readonly body?: TSchema;
  readonly bodyBytesMax?: number;
  /** The body is also read as text/plain, may hold the key, and is validated by the handler. */
  readonly beacon?: boolean;
  readonly answers: Readonly<Record<number, AnswerSpec>>;
}

export interface AnswerSpec {
  readonly description: string;
  /** Media type to schema. */
  readonly content?: Readonly<Record<string, TSchema>>;
}

/** A request whose parts have the form that the route's specification says. */
export interface Call<P = unknown, Q = unknown, B = unknown> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** Of the body as unpacked; 0 where there is none. */
  readonly bodyBytes: number;
  /** Null where none is asked for, or it is in the body. */
  readonly key: ApiKey | null;
  /** performance.now() when the request came in. */
  readonly startedAt: number;
}

export interface RouteReply {
  /** A text is sent as UTF-8. */
  readonly body: AnswerBody | string;
  /** Of a list: which step gave it. */
  readonly source?: string;
  /** 200 by default. */
  readonly status?: number;
  /** JSON by default. */
  readonly type?: string;
  /** Cache-Control; nobody keeps it by default. */
  readonly cache?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Route {
  readonly spec: RouteSpec;
  handle(call: Call): Promise<RouteReply>;
}

type StaticOf<T> = T extends TSchema ? Static<T> : undefined;

/** Ties a handler to the types of its specification. */
export function defineRoute<const S extends RouteSpec>(
  spec: S,
  handle: (
    call: Call<StaticOf<S['params']>, StaticOf<S['query']>, StaticOf<S['body']>>,
  ) => Promise<RouteReply>,
): Route {
  return { spec, handle: handle };
}
