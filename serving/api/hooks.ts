import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ApiMetrics } from './api-metrics.ts';
import { createAllowedMethods } from './http/allowed-methods.ts';
import type { Log } from '../../common/log.ts';
import { ApiProblem } from './http/problem.ts';
import { sendProblem } from './http/send-problem.ts';
import { toProblem } from './http/to-problem.ts';
import type { UnderWay } from './http/under-way.ts';
import type { Route } from './routes/route.ts';

/** The status of a request whose caller did not wait for the answer. */
const HUNG_UP = 499;

export interface HookParts {
  readonly routes: readonly Route[];
  readonly metrics: ApiMetrics;
  readonly underWay: UnderWay;
  readonly log: Log;
  readonly logsRequests: boolean;
}

/** What is done for every request beside its route: it is timed, counted, and refused in one form. */
export function addHooks(
  app: FastifyInstance,
  { routes, metrics, underWay, log, logsRequests }: HookParts,
): void {
  const allowed = createAllowedMethods(
    routes.map(({ spec }) => ({ path: spec.path, methods: [spec.method] })),
  );
  app.addHook('onRequest', (request, reply, done) => {
    request.startedAt = performance.now();
    underWay.begin();
    // Not the library's onResponse: that one never comes when the caller hangs up.
    reply.raw.once('close', () => {
      underWay.end();
      ended(request, reply);
    });
    done(request.is404 ? unknownPath(request, allowed) : undefined);
  });
  const ended = (request: FastifyRequest, reply: FastifyReply): void => {
    const route = request.routeOptions.url ?? 'none';
    const status = reply.raw.writableFinished ? reply.statusCode : HUNG_UP;
    const ms = performance.now() - request.startedAt;
    metrics.requests.add(route, status, request.source, ms / 1_000);
    if (logsRequests) log.debug({ event: 'request', id: request.id, route, status, ms });
  };
  app.setErrorHandler((error, request, reply) => {
    const found = toProblem(error);
    if (found.code === 'internal') {
      const { message, stack } = error as Error;
      const route = request.routeOptions.url;
      log.error({ event: 'request_failed', id: request.id, route, reason: message, stack });
    }
    sendProblem(found, request, reply);
  });
}

function unknownPath(
  { method, url }: FastifyRequest,
  allowed: (path: string) => readonly string[],
): ApiProblem {
  const methods = allowed(url.split('?', 1)[0] ?? '');
  if (methods.length === 0)
    return new ApiProblem('not_found', 'there is no such path', { remedy: 'see /openapi.json' });
  return new ApiProblem('method_not_allowed', `${method} is not known here`, {
    headers: { allow: methods.join(', ') },
  });
}
