import kafkajs from 'kafkajs';
import type { Admin, logCreator } from 'kafkajs';
import { MarqueeError } from '../../common/error.ts';
import '../../common/kafka/kafkajs-timer-patch.ts';
import { createSockets } from '../../common/kafka/kafkajs-sockets.ts';

export interface AdminOptions {
  readonly brokers: readonly string[];
  readonly clientId?: string;
  /** Retries of one request by kafkajs itself, with growing pauses from 0.1 s. */
  readonly retries?: number;
}

/** kafkajs would write to the console; its errors reach the caller anyway. */
const silent: logCreator = () => () => undefined;

/**
 * Opens an admin client, runs the work and closes it. Kafka's errors become MarqueeErrors. The work
 * asks one thing at a time: of requests at once, those that outlive a failed one fail, too.
 */
export async function withAdmin<R>(
  options: AdminOptions,
  work: (admin: Admin) => Promise<R>,
): Promise<R> {
  const sockets = createSockets();
  const kafka = new kafkajs.Kafka({
    socketFactory: sockets.open,
    brokers: [...options.brokers],
    clientId: options.clientId ?? 'marquee-admin',
    connectionTimeout: 5_000,
    requestTimeout: 30_000,
    retry: { retries: options.retries ?? 5, initialRetryTime: 100, maxRetryTime: 5_000 },
    logCreator: silent,
  });
  const admin = kafka.admin();
  try {
    await admin.connect();
    return await work(admin);
  } catch (error) {
    throw toKafkaError(error, options.brokers);
  } finally {
    await admin.disconnect().catch(() => undefined);
    sockets.close();
  }
}

/** kafkajs marks what it would retry; a broken connection is always worth another try. */
export function toKafkaError(error: unknown, brokers: readonly string[]): unknown {
  if (error instanceof MarqueeError || !(error instanceof kafkajs.KafkaJSError)) return error;
  const inner = error.cause instanceof Error ? error.cause : error;
  const where = brokers.join(', ');
  if (inner instanceof kafkajs.KafkaJSProtocolError && !inner.retriable) {
    return new MarqueeError(
      'MARQUEE_KAFKA_REFUSED',
      `Kafka at ${where} refuses: ${inner.message}`,
      {
        cause: error,
      },
    );
  }
  return new MarqueeError(
    'MARQUEE_KAFKA_UNAVAILABLE',
    `no answer from Kafka at ${where}: ${inner.message}. Is it running? (marquee status)`,
    { cause: error, retriable: true },
  );
}
