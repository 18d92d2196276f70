import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { settledWithin } from '../../common/timers.ts';
import type { Recommender } from '../answers/recommender.ts';
import { countEvents, createApiMetrics } from './api-metrics.ts';
import type { ApiMetrics } from './api-metrics.ts';
import type { ApiSettings } from './api-settings.ts';
import type { EventLog } from './events/event-log.ts';
import { addHooks } from './hooks.ts';
import type { Log } from '../../common/log.ts';
import { allowOrigins, createServer } from './http/server.ts';
import { createUnderWay } from './http/under-way.ts';
import { createValidators } from './http/validator.ts';
import { createAdmission } from './keys/admission.ts';
import type { Admission } from './keys/admission.ts';
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
  /** No field ever names a user. */
  readonly log: Log;
  /** Each request to the log, at debug. */
  readonly logsRequests: boolean;
  /** What answers depend upon, and whether reads can be answered. */
  readiness(): Readiness;
  /** Made before where others count on the same page. */
  readonly metrics?: ApiMetrics;
}

export interface Api {
  readonly app: FastifyInstance;
  readonly metrics: ApiMetrics;
  /** Begins to listen; returns the port. */
  listen(): Promise<number>;
  /** Takes no more, and finishes what is under way within the bound; a second call ends at once. */
  close(): Promise<void>;
}

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
  app.decorateRequest('startedAt', 0);
  app.decorateRequest('apiKey', null);
  app.decorateRequest('source', '');
  const underWay = createUnderWay();
  const { log, logsRequests } = options;
  addHooks(app, { routes, metrics, underWay, log, logsRequests });
  const validators = createValidators();
  const wire = (): void => {
    for (const route of routes)
      wireRoute(route, {
        app,
        validators,
        gates,
        admit: admission.header,
        hasHeaders: () => settings.origins.length > 0,
        isClosing: () => isClosing,
      });
  };
  if (settings.origins.length > 0) allowOrigins(app, settings.origins, wire);
  else wire();

  let closing: Promise<void> | null = null;
  async function close(): Promise<void> {
    const done = app.close();
    await settledWithin(settings.drainTimeoutMs, underWay.quiet());
    // What was answered says so by itself; a connection that never asked would be waited for.
    setImmediate(() => {
      app.server.closeAllConnections();
    });
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

function routesOf(
  options: ApiOptions,
  parts: {
    readonly metrics: ApiMetrics;
    readonly admission: Admission;
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
