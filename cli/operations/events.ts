import { setTimeout as delay } from 'node:timers/promises';
import { MarqueeError } from '../../common/error.ts';
import { formatUuid } from '../../common/uuid.ts';
import type { EventOutcome } from '../../operations/event-outcomes.ts';
import { tailEvents } from '../../operations/events.ts';
import type { Tail, TailedEvent } from '../../operations/events.ts';
import { loadConfig } from '../config/config.ts';
import { withSession } from '../config/session.ts';
import { formatTime, print } from '../terminal/output.ts';
import { readable } from './show-record.ts';

export interface TailFlags {
  readonly user?: string;
  readonly app?: string;
  readonly since: number;
  readonly limit: number;
  readonly follow?: boolean;
  readonly json?: boolean;
}

const FOLLOW_MS = 1_000;

/** The command `marquee events tail`; with --follow it ends by a signal alone. */
export async function showEvents(flags: TailFlags): Promise<void> {
  const { user, app } = flags;
  if (user === undefined && app === undefined)
    throw new MarqueeError('MARQUEE_TAIL_UNBOUNDED', 'say whose: --user ID or --app NAME');
  const config = loadConfig();
  const options = {
    brokers: config.kafka.brokers,
    registryUrl: config.registry.url,
    ...(user === undefined ? {} : { user }),
    ...(app === undefined ? {} : { app }),
    sinceMs: flags.since,
    limit: flags.limit,
    lateHorizonMs: config.runtime.settings.lateHorizonMs,
  };
  await withSession(config.postgres.writerUrl, 'events', async (session) => {
    let found = await tailEvents(session, options);
    showFound(found, flags.json === true);
    if (flags.json !== true) showTotals(found);
    while (flags.follow === true) {
      await delay(FOLLOW_MS);
      found = await tailEvents(session, options, found.ends);
      showFound(found, flags.json === true);
    }
  });
}

function showFound({ events }: Tail, json: boolean): void {
  for (const tailed of events)
    print(json ? JSON.stringify(readable(tailed)) : describeEvent(tailed));
}

function showTotals({ events, read, unreadable }: Tail): void {
  print(`${events.length} shown of ${read} records read`);
  if (unreadable > 0)
    print(
      `${unreadable} records could not be read, so whose they are is not known: see marquee dlq ls`,
    );
}

function describeEvent({ event, outcomes }: TailedEvent): string {
  const { action } = event;
  const what =
    action === null
      ? `unreadable record of key ${JSON.stringify(event.key)}`
      : [
          action.user_id,
          action.action,
          action.movie_id === null ? '' : `movie ${action.movie_id}`,
          action.value === null ? '' : `value ${action.value}`,
          action.app,
          formatUuid(action.event_id),
        ]
          .filter((word) => word !== '')
          .join('  ');
  const alike = new Set(outcomes.map(wordsOf)).size === 1;
  const became = alike
    ? `${outcomes[0] === undefined ? '' : wordsOf(outcomes[0])} everywhere`
    : outcomes.map((o) => `${o.processor}: ${wordsOf(o)}`).join('; ');
  const place = `${event.partition}/${event.offset}`;
  return `${formatTime(event.receivedAt)}  ${place}  ${what}\n    ${became}`;
}

function wordsOf({ outcome, remark }: EventOutcome): string {
  const word = outcome.replaceAll('_', ' ');
  return remark === null ? word : `${word} (${remark})`;
}
