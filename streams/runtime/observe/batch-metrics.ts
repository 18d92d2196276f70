import type { PartitionBatch } from '../commit/partition-batch.ts';
import { createAppLabel } from './metrics.ts';
import type { Metrics } from './metrics.ts';
import type { DecodedBatch } from '../commit/decode-batch.ts';

/** Counts a committed batch. */
export function createBatchMetrics(processor: string, metrics: Metrics) {
  const appLabel = createAppLabel();
  return (
    batches: readonly PartitionBatch[],
    decoded: Pick<DecodedBatch<unknown>, 'ledger' | 'dead' | 'lateByApp' | 'futureByApp'>,
    seconds: number,
  ): void => {
    let rows = 0;
    for (const { records } of batches) rows += records.length;
    metrics.batchRows.observe({ processor }, rows);
    metrics.batchSeconds.observe({ processor }, seconds);
    for (const range of decoded.ledger)
      for (const [outcome, account] of Object.entries(range.accounts))
        if (outcome !== 'dead' && account.count > 0)
          metrics.events.inc({ processor, outcome, reason: '' }, account.count);
    for (const { fault } of decoded.dead)
      metrics.events.inc({ processor, outcome: 'dead', reason: fault.reason });
    for (const [app, count] of decoded.lateByApp)
      metrics.lateEvents.inc({ processor, app: appLabel(app) }, count);
    for (const [app, count] of decoded.futureByApp)
      metrics.futureEvents.inc({ processor, app: appLabel(app) }, count);
  };
}
