import { Type } from 'typebox';
import { json, refusals } from './answers.ts';
import { defineRoute } from './route.ts';
import type { Route } from './route.ts';

/** What the API depends upon, and how it is. */
export interface Dependency {
  readonly name: string;
  readonly state: 'ok' | 'degraded' | 'away' | 'starting';
  readonly detail?: string;
}

export interface Readiness {
  /** True when reads can be answered: by whatever source is left. */
  readonly ready: boolean;
  readonly dependencies: readonly Dependency[];
}

const readiness = Type.Object({
  ready: Type.Boolean(),
  dependencies: Type.Array(
    Type.Object({
      name: Type.String(),
      state: Type.Enum(['ok', 'degraded', 'away', 'starting']),
      detail: Type.Optional(Type.String()),
    }),
  ),
});

/** Paths about the server itself. */
export function operationRoutes(options: {
  readiness(): Readiness;
  readonly registry: { readonly contentType: string; metrics(): Promise<string> };
  openApi(): string;
}): readonly Route[] {
  return [
    defineRoute(
      {
        method: 'GET',
        path: '/healthz',
        operationId: 'health',
        tag: 'operations',
        summary: 'The process lives',
        scope: null,
        answers: { 200: json('It lives', Type.Object({ status: Type.String() })) },
      },
      () => Promise.resolve({ body: '{"status":"ok"}' }),
    ),
    defineRoute(
      {
        method: 'GET',
        path: '/readyz',
        operationId: 'readiness',
        tag: 'operations',
        summary: 'Reads can be answered, and how each server behind is',
        scope: null,
        answers: {
          200: json('Ready', readiness),
          503: json('Not ready: starting, or about to end', readiness),
        },
      },
      () => {
        const found = options.readiness();
        return Promise.resolve({ body: JSON.stringify(found), status: found.ready ? 200 : 503 });
      },
    ),
    defineRoute(
      {
        method: 'GET',
        path: '/metrics',
        operationId: 'metrics',
        tag: 'operations',
        summary: 'For Prometheus',
        scope: 'admin',
        answers: {
          200: { description: 'The metrics', content: { 'text/plain': Type.String() } },
          ...refusals,
        },
      },
      async () => ({ body: await options.registry.metrics(), type: options.registry.contentType }),
    ),
    defineRoute(
      {
        method: 'GET',
        path: '/openapi.json',
        operationId: 'openApi',
        tag: 'operations',
        summary: 'This page',
        scope: null,
        answers: { 200: json('OpenAPI 3.1', Type.Object({})) },
      },
      () => Promise.resolve({ body: options.openApi(), cache: 'public, max-age=300' }),
    ),
  ];
}
