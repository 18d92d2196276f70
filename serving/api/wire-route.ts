import type { FastifyInstance, FastifyReply } from 'fastify';
import type { AnswerBody } from '../answers/recommender.ts';
import { ApiProblem } from './http/problem.ts';
import type { Validate, Validators } from './http/validator.ts';
import type { ApiKey, Scope } from './keys/api-key.ts';
import type { Gate } from './limits/gate.ts';
import type { Route, RouteReply, RouteSpec } from './routes/route.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** performance.now() when its head had come. */
    startedAt: number;
    apiKey: ApiKey | null;
    /** Of the list that was answered. */
    source: string;
  }
}

export interface RouteWiring {
  readonly app: FastifyInstance;
  readonly validators: Validators;
  readonly gates: { readonly reads: Gate; readonly events: Gate };
  /** The key of the header, which may do that and is not too fast; throws else. */
  admit(header: string | undefined, scope: Scope): ApiKey;
  /** True where answers have headers of others than their routes. */
  hasHeaders(): boolean;
  /** True once the server is about to end: connections are not kept then. */
  isClosing(): boolean;
}

const JSON_TYPE = 'application/json; charset=utf-8';

/** Puts a route into the server: who may, what is valid, how many at once; then its handler. */
export function wireRoute({ spec, handle }: Route, wiring: RouteWiring): void {
  const { app, validators, gates, admit } = wiring;
  const { scope } = spec;
  const gate = scope === 'emit' ? gates.events : scope === 'read' ? gates.reads : null;
  const check = checksOf(spec, validators);
  const bodyBytesMax = spec.bodyBytesMax ?? 1;

  app.route({
    method: spec.method,
    url: spec.path.replaceAll(/\{([^}]+)\}/g, ':$1'),
    bodyLimit: bodyBytesMax,
    // Balancers look by HEAD too.
    exposeHeadRoute: spec.tag === 'operations' && scope === null,
    config: { bodyBytesMax, readsText: spec.beacon === true },
    onRequest(request, _reply, done) {
      if (scope === null) {
        done();
        return;
      }
      const { authorization } = request.headers;
      try {
        // Without one it may be in the body.
        if (authorization !== undefined || spec.beacon !== true)
          request.apiKey = admit(authorization, scope);
        done();
      } catch (error) {
        done(error as Error);
      }
    },
    async handler(request, reply) {
      if (gate !== null && !gate.enter())
        throw new ApiProblem('overloaded', 'too many requests are under way', {
          retryAfterSeconds: 1,
        });
      try {
        const answer = await handle({
          params: check.params(request.params),
          query: check.query(request.query),
          body: check.body(request.body),
          bodyBytes: request.bodyBytes,
          key: request.apiKey,
          startedAt: request.startedAt,
        });
        request.source = answer.source ?? '';
        if (wiring.isClosing()) reply.header('connection', 'close');
        if (wiring.hasHeaders() || wiring.isClosing() || !isPlain(answer)) send(answer, reply);
        else sendPlain(answer, reply);
      } finally {
        gate?.leave();
      }
      return reply;
    },
  });
}

interface PlainReply extends RouteReply {
  readonly body: AnswerBody;
}

function isPlain(answer: RouteReply): answer is PlainReply {
  return typeof answer.body !== 'string' && answer.headers === undefined;
}

/**
 * Past what Fastify does to a body, none of which is asked for. Head and body are one text of one byte a
 * character, so they go out in one piece without a copy of their own.
 */
function sendPlain({ body, status, type, cache }: PlainReply, reply: FastifyReply): void {
  const text = Buffer.isBuffer(body) ? body.toString('latin1') : body.latin1;
  reply.hijack();
  reply.raw.writeHead(status ?? 200, {
    'content-type': type ?? JSON_TYPE,
    'cache-control': cache ?? 'no-store',
    'content-length': text.length,
  });
  reply.raw.end(text, 'latin1');
}

function send({ body, status, type, cache, headers }: RouteReply, reply: FastifyReply): void {
  reply.header('content-type', type ?? JSON_TYPE);
  reply.header('cache-control', cache ?? 'no-store');
  if (headers !== undefined) reply.headers(headers);
  if (status !== undefined) reply.code(status);
  const isText = typeof body === 'object' && 'latin1' in body;
  reply.send(isText ? Buffer.from(body.latin1, 'latin1') : body);
}

const asIs: Validate = (value) => value;

function checksOf(spec: RouteSpec, validators: Validators) {
  const { params, query, body } = spec;
  return {
    params: params === undefined ? asIs : validators.text(params),
    query: query === undefined ? asIs : validators.text(query),
    // Events are held to their rules one by one: one that is wrong must not keep the others out.
    body: body === undefined || spec.beacon === true ? asIs : validators.json(body),
  };
}
