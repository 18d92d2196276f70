import kafkajs from 'kafkajs';
import { withAdmin } from '../../connectors/kafka/admin.ts';

/** Sets how long a topic that takes the producer's time keeps its records: milliseconds; -1: always. */
export async function setRetention(
  brokers: readonly string[],
  topic: string,
  ms: number,
): Promise<void> {
  await withAdmin({ brokers }, (admin) =>
    admin.alterConfigs({
      validateOnly: false,
      resources: [
        {
          type: kafkajs.ConfigResourceTypes.TOPIC,
          name: topic,
          configEntries: [
            { name: 'retention.ms', value: String(ms) },
            { name: 'message.timestamp.type', value: 'CreateTime' },
          ],
        },
      ],
    }),
  );
}
