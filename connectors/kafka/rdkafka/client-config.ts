import type { ConsumerOptions } from '../port.ts';

const METADATA_MAX_AGE_MS = 30_000;
/** librdkafka's message.max.bytes, below which it takes no fetch.max.bytes. */
const MESSAGE_BYTES_DEFAULT = 1_000_000;
/** A broker answers with one whole batch even when that is larger than what was asked for. */
const RECEIVE_MARGIN_BYTES = 64 * 1024 * 1024;

/** A consumer's options by librdkafka's names. */
export function clientConfig(options: ConsumerOptions) {
  const metadataMs = options.metadataMaxAgeMs ?? METADATA_MAX_AGE_MS;
  const fetchBytesMax = Math.max(MESSAGE_BYTES_DEFAULT, options.fetchBytesMax);
  return {
    'metadata.broker.list': options.brokers.join(','),
    'client.id': options.clientId,
    'group.id': options.groupId,
    ...(options.instanceId === undefined ? {} : { 'group.instance.id': options.instanceId }),
    'partition.assignment.strategy': 'cooperative-sticky',
    'session.timeout.ms': options.sessionTimeoutMs,
    'heartbeat.interval.ms': options.heartbeatIntervalMs,
    // librdkafka's rebalance timeout; it must not be below session.timeout.ms.
    'max.poll.interval.ms': Math.max(options.rebalanceTimeoutMs, options.sessionTimeoutMs),
    'enable.auto.commit': false,
    'enable.auto.offset.store': false,
    'enable.partition.eof': true,
    'isolation.level': 'read_committed',
    'allow.auto.create.topics': false,
    'topic.metadata.refresh.interval.ms': metadataMs,
    'metadata.max.age.ms': metadataMs * 3,
    'fetch.wait.max.ms': options.fetchWaitMs,
    'fetch.message.max.bytes': options.partitionBytesMax,
    'fetch.max.bytes': fetchBytesMax,
    'receive.message.max.bytes': fetchBytesMax + RECEIVE_MARGIN_BYTES,
    'queued.max.messages.kbytes': Math.max(1_024, Math.ceil(options.fetchBytesMax / 1_024)),
    'queued.min.messages': 20_000,
    // How long librdkafka fetches nothing once its queue is full; its default is a whole second.
    'fetch.queue.backoff.ms': 10,
    'fetch.error.backoff.ms': 250,
    'reconnect.backoff.max.ms': 2_000,
    'socket.keepalive.enable': true,
    'socket.nagle.disable': true,
    'log.connection.close': false,
  } as const;
}
