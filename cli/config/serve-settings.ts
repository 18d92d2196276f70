import { z } from 'zod';
import { setting } from './setting.ts';

const positive = z.coerce.number().int().min(1);
const origin = z.union([z.literal('*'), z.url({ protocol: /^https?$/ })]);
const origins = z
  .union([
    z.string().transform((value) =>
      value
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
    ),
    z.array(z.string()),
  ])
  .pipe(z.array(origin));

/** Of `marquee serve`. */
export const serveSettings = z.object({
  host: setting('MARQUEE_SERVE_HOST', 'address that the HTTP API listens on', z.string().min(1)),
  port: setting(
    'MARQUEE_SERVE_PORT',
    'port of the HTTP API; 0 is any free one',
    z.coerce.number().int().min(0).max(65535),
  ),
  origins: setting(
    'MARQUEE_SERVE_ORIGINS',
    'pages that may call the API from a browser: comma-separated origins (https://shop.example), or *',
    origins,
  ),
  requestsPerSecond: setting(
    'MARQUEE_SERVE_REQUESTS_PER_SECOND',
    'requests a second of a key that has no rate of its own',
    positive,
  ),
  inFlightMax: setting(
    'MARQUEE_SERVE_IN_FLIGHT_MAX',
    'reads under way at once; more are answered 503',
    positive,
  ),
  eventsInFlightMax: setting(
    'MARQUEE_SERVE_EVENTS_IN_FLIGHT_MAX',
    'batches of events under way at once; more are answered 503',
    positive,
  ),
  eventsBufferedMax: setting(
    'MARQUEE_SERVE_EVENTS_BUFFERED_MAX',
    'events that wait for Kafka at once; more are answered 503',
    positive,
  ),
  deliveryTimeoutMs: setting(
    'MARQUEE_SERVE_DELIVERY_TIMEOUT_MS',
    'how long an event may wait for Kafka before its batch is answered 503',
    positive,
  ),
  drainTimeoutMs: setting(
    'MARQUEE_SERVE_DRAIN_TIMEOUT_MS',
    'how long requests under way may take at the end of the process',
    positive,
  ),
  keysRefreshMs: setting(
    'MARQUEE_SERVE_KEYS_REFRESH_MS',
    'how often changed keys are read; a withdrawn one is refused after it at the latest',
    positive.max(4_000),
  ),
});
