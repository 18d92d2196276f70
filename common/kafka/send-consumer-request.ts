import { MarqueeError } from '../error.ts';
import type { ApiRequest } from './api-request.ts';
import { FETCH, METADATA } from './consumer-requests.ts';
import { sendRequest } from './kafkajs-internals.ts';
import type { KafkajsBroker } from './kafkajs-internals.ts';

/** Beyond what the broker itself may wait. */
const REQUEST_MARGIN_MS = 10_000;

/**
 * Sends one of consumer-requests.ts, which the broker may answer after `waitMs`. A connection that
 * broke is given up. Throws MarqueeError MARQUEE_KAFKA_TOO_OLD where brokers know no topic ids.
 */
export async function send<T>(
  broker: KafkajsBroker,
  request: ApiRequest<T>,
  waitMs = 0,
): Promise<T> {
  assertVersions(broker);
  try {
    return await sendRequest(broker, request, waitMs + REQUEST_MARGIN_MS);
  } catch (error) {
    if (error instanceof Error && error.name === 'KafkaJSConnectionClosedError') {
      await broker.disconnect();
    }
    throw error;
  }
}

function assertVersions(broker: KafkajsBroker): void {
  const has = (api: { key: number; version: number }): boolean =>
    (broker.versions?.[api.key]?.maxVersion ?? api.version) >= api.version;
  if (has(FETCH) && has(METADATA)) return;
  throw new MarqueeError(
    'MARQUEE_KAFKA_TOO_OLD',
    `Kafka broker ${String(broker.nodeId)} has no Fetch ${FETCH.version} (topic ids): ` +
      'run Kafka 3.1 or newer.',
  );
}
