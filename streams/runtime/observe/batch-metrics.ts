import type { Portion } from '../commit/apply-batch.ts';
import { createAppLabel } from './metrics.ts';
import type { Metrics } from './metrics.ts';
import type { Prepared } from '../commit/decode-batch.ts';

/** Counts a committed batch. */
export function createObserver(processor: string, metrics: Metrics) {
  const appLabel = createAppLabel();
  return (
    portions: readonly Portion[],
    prepared: Pick<Prepared<unknown>, 'runs' | 'dead' | 'lateByApp' | 'futureByApp'>,
    seconds: number,
  ): void => {
    let rows = 0;
    for (const { records } of portions) rows += records.length;
    metrics.batchRows.observe({ processor }, rows);
    metrics.batchSeconds.observe({ processor }, seconds);
    for (const run of prepared.runs)
      for (const [outcome, account] of Object.entries(run.accounts))
        if (outcome !== 'dead' && account.count > 0)
          metrics.events.inc({ processor, outcome, reason: '' }, account.count);
    for (const { fault } of prepared.dead)
      metrics.events.inc({ processor, outcome: 'dead', reason: fault.reason });
    for (const [app, count] of prepared.lateByApp)
      metrics.lateEvents.inc({ processor, app: appLabel(app) }, count);
    for (const [app, count] of prepared.futureByApp)
      metrics.futureEvents.inc({ processor, app: appLabel(app) }, count);
  };
}
