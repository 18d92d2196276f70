import { MarqueeError } from '../../common/error.ts';

/** A fault of Kafka or of the way there, as it is told to the application. */
export function toKafkaFault(
  error: unknown,
  brokers: readonly string[],
  missing: readonly string[] = [],
): MarqueeError {
  const where = brokers.join(', ');
  const type = error instanceof Error && 'type' in error ? error.type : undefined;
  if (type === 'UNKNOWN_TOPIC_OR_PARTITION') {
    return new MarqueeError(
      'MARQUEE_TOPIC_MISSING',
      `Kafka at ${where} has no topic ${missing.join(' or ')}. Make it: marquee topics apply`,
      { cause: error, retriable: true },
    );
  }
  const why = error instanceof Error ? error.message : String(error);
  return new MarqueeError('MARQUEE_KAFKA_UNAVAILABLE', `no answer from Kafka at ${where}: ${why}`, {
    cause: error,
    retriable: true,
  });
}
