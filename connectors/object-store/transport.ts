import { AsyncLocalStorage } from 'node:async_hooks';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

/** The SDK throws at these without a look at the body. */
const UNREAD_STATUSES = new Set([408, 429, 499, 500, 502, 503, 504, 520]);

/** The signal of the attempt that a request belongs to. */
const underWay = new AsyncLocalStorage<AbortSignal>();

/**
 * Does the work; the requests that it makes over `createTransport` end when the signal is aborted.
 */
export function withRequestsEndedBy<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  return underWay.run(signal, work);
}

/** Connections are kept from request to request. */
export function createAgent(useSSL: boolean, timeoutMs: number): HttpAgent | HttpsAgent {
  const options = { keepAlive: true, timeout: timeoutMs };
  return useSSL ? new HttpsAgent(options) : new HttpAgent(options);
}

/**
 * Requests that end with their attempt: one that is given up would hold its body and its connection
 * for as long as the store stays silent. What the SDK leaves unread is read, for the same reason.
 */
export function createTransport(useSSL: boolean): { request: typeof httpRequest } {
  const start = useSSL ? httpsRequest : httpRequest;
  const request = (options: RequestOptions, answered: (answer: IncomingMessage) => void) => {
    const signal = underWay.getStore();
    return start({ ...options, ...(signal === undefined ? {} : { signal }) }, (answer) => {
      answered(answer);
      if (UNREAD_STATUSES.has(answer.statusCode ?? 0)) answer.resume();
    });
  };
  // The one form in which the SDK calls it.
  return { request: request as typeof httpRequest };
}
