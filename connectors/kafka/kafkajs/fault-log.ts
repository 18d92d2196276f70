import type { logCreator } from 'kafkajs';
import { MarqueeError } from '../../../common/error.ts';

const REBALANCING = 'The group is rebalancing, so a rejoin is needed';

/** kafkajs's log of errors as faults: it tells of a broker that is away in no other way. */
export function createFaultLog(fault: (error: Error) => void): logCreator {
  return () =>
    ({ namespace, log }) => {
      // Said at each heartbeat of every rebalance: no fault.
      if (log['error'] === REBALANCING) return;
      const cause = typeof log['error'] === 'string' ? ` (${log['error']})` : '';
      const message = `kafkajs ${namespace}: ${log.message}${cause}`;
      fault(new MarqueeError('MARQUEE_KAFKA_CLIENT', message, { retriable: true }));
    };
}
