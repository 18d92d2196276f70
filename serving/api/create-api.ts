import type { AddressInfo, Socket } from 'node:net';
import { randomBytes } from 'node:crypto';
import cors from '@fastify/cors';
import { fastify } from 'fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { settledWithin } from '../../common/timers.ts';
import type { Recommender } from '../answers/recommender.ts';
import { countEvents, createApiMetrics } from './api-metrics.ts';
import type { ApiSettings } from './api-settings.ts';
import type { EventLog } from './events/event-log.ts';
import { createAllowedMethods } from './http/allowed-methods.ts';
import type { ApiLog } from './http/api-log.ts';
import { addBodyParsers } from './http/body-parsers.ts';
import { answerClientError } from './http/client-error.ts';
import { ApiProblem, PROBLEM_TYPE, problemBody, problemHeaders } from './http/problem.ts';
import { parseQueryString } from './http/query-string.ts';
import { toProblem } from './http/to-problem.ts';
import { createValidators } from './http/validator.ts';
import { createAdmission } from './keys/admission.ts';
import type { KeyRing } from './keys/key-ring.ts';
import { createGate } from './limits/gate.ts';
import { openApiDocument } from './openapi.ts';
import { eventRoutes } from './routes/events.ts';
import { operationRoutes } from './routes/operations.ts';
import type { Readiness } from './routes/operations.ts';
import { recommendationRoutes } from './routes/recommendations.ts';
import type { Route } from './routes/route.ts';
import { wireRoute } from './wire-route.ts';

export interface ApiOptions {
  readonly recommender: Recommender;
  readonly keys: KeyRing;
  readonly events: EventLog;
  readonly settings: ApiSettings;
  readonly log: ApiLog;
  /** Each request to the log, at debug. */
  readonly logsRequests: boolean;
  /** What answers depend upon, and whether reads can be answered. */
  readiness(): Readiness;
  /** More metrics for the same page. */
  readonly metrics?: ReturnType<typeof createApiMetrics>;
}

export interface Api {
  readonly app: FastifyInstance;
  readonly metrics: ReturnType<typeof createApiMetrics>;
  /** Begins to listen; returns the port. */
  listen(): Promise<number>;
  /** Takes no more, and finishes what is under way within the bound; a second call ends at once. */
  close(): Promise<void>;
}

const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 72_000; // longer than balancers keep theirs
const HEADER_BYTES_MAX = 16 * 1024;

/** The HTTP server of Marquee. Bodies of lists come ready from the recommender and are sent as they are. */
export function createApi(options: ApiOptions): Api {
  const { settings } = options;
  const metrics = options.metrics ?? createApiMetrics();
  const gates = {
    reads: createGate(settings.inFlightMax),
    events: createGate(settings.eventsInFlightMax),
  };
  const admission = createAdmission(options.keys, settings.requestsPerSecond, (key) => {
    metrics.rateLimited.inc({ app: key.app });
  });
  let isClosing = false;
  const routes = routesOf(options, {
    metrics,
    admission,
    readiness: () => {
      const found = options.readiness();
      return { ...found, ready: found.ready && !isClosing };
    },
  });
  metrics.gauge('marquee_api_in_flight', 'Requests under way', () => gates.reads.inside);
  metrics.gauge(
    'marquee_api_events_in_flight',
    'Batches of events under way',
    () => gates.events.inside,
  );
  metrics.gauge('marquee_api_keys', 'Keys that hold', () => options.keys.status().keys);

  const app = createServer();
  addBodyParsers(app);
  app.decorateRequest('startedAt', 0);
  app.decorateRequest('apiKey', null);
  app.decorateRequest('source', '');
  addHooks(app, options, metrics, routes);
  const validators = createValidators();
  const wire = (): void => {
    for (const route of routes)
      wireRoute(route, {
        app,
        validators,
        gates,
        admit: admission.header,
        isClosing: () => isClosing,
      });
  };
  if (settings.origins.length > 0) allowOrigins(app, settings.origins, wire);
  else wire();

  let closing: Promise<void> | null = null;
  async function close(): Promise<void> {
    const done = app.close();
    if (!(await settledWithin(settings.drainTimeoutMs, done))) app.server.closeAllConnections();
    await done;
    metrics.close();
  }
  return {
    app,
    metrics,
    async listen() {
      await app.listen({ host: settings.host, port: settings.port });
      return (app.server.address() as AddressInfo).port;
    },
    close() {
      isClosing = true;
      if (closing === null) closing = close();
      else app.server.closeAllConnections();
      return closing;
    },
  };
}

function createServer(): FastifyInstance {
  const prefix = randomBytes(4).toString('hex');
  let count = 0;
  return fastify({
    logger: false,
    genReqId: () => `${prefix}-${(count++).toString(36)}`,
    requestIdHeader: false,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    http: { maxHeaderSize: HEADER_BYTES_MAX },
    clientErrorHandler: (error, socket) => {
      answerClientError(error, socket as Socket);
    },
    frameworkErrors: (error, request, reply) => {
      sendProblem(toProblem(error), request, reply as unknown as FastifyReply);
    },
    routerOptions: { querystringParser: parseQueryString, maxParamLength: HEADER_BYTES_MAX },
  });
}

function routesOf(
  options: ApiOptions,
  parts: {
    readonly metrics: ReturnType<typeof createApiMetrics>;
    readonly admission: ReturnType<typeof createAdmission>;
    readiness(): Readiness;
  },
): readonly Route[] {
  let page = '';
  const routes = [
    ...recommendationRoutes(options.recommender),
    ...eventRoutes({
      log: options.events,
      recogniseBodyKey: parts.admission.body,
      now: Date.now,
      count(results) {
        countEvents(parts.metrics, results);
      },
    }),
    ...operationRoutes({
      readiness: parts.readiness,
      registry: parts.metrics.registry,
      openApi: () => page,
    }),
  ];
  page = `${JSON.stringify(openApiDocument(routes.map(({ spec }) => spec)), null, 2)}\n`;
  return routes;
}

function addHooks(
  app: FastifyInstance,
  { log, logsRequests }: ApiOptions,
  metrics: ReturnType<typeof createApiMetrics>,
  routes: readonly Route[],
): void {
  const allowed = createAllowedMethods(
    routes.map(({ spec }) => ({ path: spec.path, methods: [spec.method] })),
  );
  app.addHook('onRequest', (request, _reply, done) => {
    request.startedAt = performance.now();
    done(request.is404 ? unknownPath(request, allowed) : undefined);
  });
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none';
    const status = String(reply.statusCode);
    const ms = performance.now() - request.startedAt;
    metrics.requests.inc({ route, status, source: request.source });
    metrics.seconds.observe({ route }, ms / 1_000);
    if (logsRequests) log.debug({ event: 'request', id: request.id, route, status, ms });
    done();
  });
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

function sendProblem(found: ApiProblem, request: FastifyRequest, reply: FastifyReply): void {
  reply
    .code(found.status)
    .headers(problemHeaders(found))
    .header('content-type', PROBLEM_TYPE)
    .send(problemBody(found, request.id));
}

/** Pages of these origins may call; preflights are answered for an hour. */
function allowOrigins(app: FastifyInstance, origins: readonly string[], then: () => void): void {
  app.register(cors, {
    origin: origins.includes('*') ? '*' : [...origins],
    methods: ['GET', 'POST'],
    allowedHeaders: ['authorization', 'content-type', 'content-encoding'],
    exposedHeaders: ['retry-after', 'ratelimit', 'ratelimit-policy'],
    maxAge: 3_600,
    strictPreflight: false,
  });
  app.after(then);
}
