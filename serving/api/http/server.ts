import { randomBytes } from 'node:crypto';
import cors from '@fastify/cors';
import { fastify } from 'fastify';
import type { FastifyInstance } from 'fastify';
import { addBodyParsers } from './body-parsers.ts';
import { answerClientError } from './client-error.ts';
import { parseQueryString } from './query-string.ts';
import { sendProblem } from './send-problem.ts';
import { toProblem } from './to-problem.ts';

const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 72_000; // longer than balancers keep theirs
const HEADER_BYTES_MAX = 16 * 1024;
const CONNECTIONS_MAX = 10_000;

/** The HTTP library with its bounds, and without what it would do for each request beside the work. */
export function createServer(): FastifyInstance {
  const prefix = randomBytes(4).toString('hex');
  let count = 0;
  const app = fastify({
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
      answerClientError(error, socket);
    },
    frameworkErrors: (error, request, reply) => {
      sendProblem(toProblem(error), request, reply);
    },
    routerOptions: { querystringParser: parseQueryString, maxParamLength: HEADER_BYTES_MAX },
  });
  app.server.maxConnections = CONNECTIONS_MAX;
  addBodyParsers(app);
  return app;
}

/** Pages of these origins may call; preflights are answered for an hour. */
export function allowOrigins(
  app: FastifyInstance,
  origins: readonly string[],
  then: () => void,
): void {
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
