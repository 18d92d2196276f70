import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ApiProblem } from './problem.ts';
import { parseJson, tooLarge, unpackBody } from './json-body.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Bytes of a body, packed and as unpacked. */
    bodyBytesMax?: number;
    /** text/plain is read too, as JSON: what navigator.sendBeacon can send from another origin. */
    readsText?: boolean;
  }
  interface FastifyRequest {
    bodyBytes: number;
  }
}

const NONE = 1;
const BEACON_BYTES_MAX = 64 * 1024;

/** Reads bodies as JSON, whatever they are packed in; the route says how large and of which kind. */
export function addBodyParsers(app: FastifyInstance): void {
  app.decorateRequest('bodyBytes', 0);
  app.removeAllContentTypeParsers();
  const parse = async (request: FastifyRequest, body: Buffer): Promise<unknown> => {
    const { bodyBytesMax = NONE, readsText } = request.routeOptions.config;
    // Nobody has shown a key yet, and a beacon is never larger.
    const isUnknown = readsText === true && request.headers.authorization === undefined;
    const bytesMax = isUnknown ? Math.min(bodyBytesMax, BEACON_BYTES_MAX) : bodyBytesMax;
    if (body.length > bytesMax) throw tooLarge(bytesMax);
    const encoding = request.headers['content-encoding'];
    const json = encoding === undefined ? body : await unpackBody(body, encoding, bytesMax);
    request.bodyBytes = json.length;
    return parseJson(json);
  };
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, parse);
  const parseText = async (request: FastifyRequest, body: Buffer): Promise<unknown> => {
    if (request.routeOptions.config.readsText === true) return parse(request, body);
    throw new ApiProblem('unsupported_media_type', 'a body of text is not read here', {
      remedy: 'Content-Type: application/json',
    });
  };
  app.addContentTypeParser('text/plain', { parseAs: 'buffer' }, parseText);
}
