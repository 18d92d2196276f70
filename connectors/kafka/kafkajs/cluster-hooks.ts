import type {
  KafkajsBroker,
  KafkajsCluster,
  KafkajsFetch,
} from '../../../common/kafka/kafkajs-internals.ts';
import { isMembershipLost } from './protocol-errors.ts';

export interface ClusterHooks {
  /** In the place of kafkajs's own fetch. */
  readonly fetch: (
    broker: KafkajsBroker,
    request: KafkajsFetch,
  ) => Promise<{ responses: readonly unknown[] }>;
  /** Before the member joins the group again; with `lost` it was taken out of it. */
  readonly revoke: (lost: boolean) => Promise<void>;
}

/**
 * Puts our fetching in the place of kafkajs's, and makes a rebalance wait for `revoke`: kafkajs
 * looks for the coordinator just before it joins, and waits for the answer.
 */
export function hookCluster(cluster: KafkajsCluster, { fetch, revoke }: ClusterHooks): void {
  const hooked = new WeakSet<KafkajsBroker>();
  const findBroker = cluster.findBroker.bind(cluster);
  const findGroupCoordinator = cluster.findGroupCoordinator.bind(cluster);
  cluster.findBroker = async (node) => {
    const broker = await findBroker(node);
    if (hooked.has(broker)) return broker;
    hooked.add(broker);
    const heartbeat = broker.heartbeat.bind(broker);
    broker.fetch = (request) => fetch(broker, request);
    broker.heartbeat = (request) =>
      heartbeat(request).catch(async (error: unknown) => {
        if (isMembershipLost(error)) await revoke(true);
        throw error;
      });
    return broker;
  };
  cluster.findGroupCoordinator = async (group) => {
    await revoke(false);
    return findGroupCoordinator(group);
  };
}
