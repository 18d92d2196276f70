import { setTimeout as delay } from 'node:timers/promises';
import { readLag, totalLag } from '../../operations/lag.ts';
import type { PartitionLag } from '../../operations/lag.ts';
import { readLogBounds } from '../../operations/log-bounds.ts';
import { processorsNamed } from '../../operations/processor-named.ts';
import { loadConfig } from '../config/config.ts';
import { withSession } from '../config/session.ts';
import { formatCount } from '../terminal/format.ts';
import { left, print, printJson, right, table } from '../terminal/output.ts';

const WATCH_MS = 2_000;
const CLEAR_SCREEN = '\x1b[2J\x1b[H';

/** The command `marquee lag`. Returns the exit code: 1 when a position lies outside its log. */
export async function showLag(
  names: readonly string[],
  flags: { readonly json?: boolean; readonly watch?: boolean },
): Promise<number> {
  const processors = processorsNamed(names);
  const topics = processors.map((p) => p.source.topic);
  const { kafka, postgres } = loadConfig();
  return withSession(postgres.writerUrl, 'lag', async (session) => {
    let wasOutside = false;
    for (;;) {
      const bounds = await readLogBounds(kafka.brokers, topics);
      const lag = await readLag(session, processors, bounds, Date.now());
      if (flags.watch === true && process.stdout.isTTY) process.stdout.write(CLEAR_SCREEN);
      if (flags.json === true) printJson({ partitions: lag, totals: totalLag(lag) });
      else print(describeLag(lag));
      if (lag.some((p) => p.outsideLog)) {
        process.stderr.write('OUTSIDE LOG: see `marquee offsets show <processor>`\n');
        wasOutside = true;
      }
      if (flags.watch !== true) return wasOutside ? 1 : 0;
      await delay(WATCH_MS);
    }
  });
}

function describeLag(partitions: readonly PartitionLag[]): string {
  const columns = [
    left('processor'),
    left('partition'),
    right('log end'),
    right('next'),
    right('events behind'),
    right('seconds'),
    right('epoch'),
    left('owner'),
  ];
  const rows: string[][] = [];
  for (const total of totalLag(partitions)) {
    const own = partitions.filter((p) => p.processor === total.processor);
    for (const p of own)
      rows.push([
        p.processor,
        `${p.topic}/${p.partition}`,
        formatCount(p.logEnd),
        p.nextOffset === null ? 'never' : formatCount(p.nextOffset),
        p.outsideLog ? 'OUTSIDE LOG' : formatCount(p.lagEvents),
        formatSeconds(p.lagSeconds),
        `${p.epoch}`,
        p.owner ?? '-',
      ]);
    const seconds = formatSeconds(total.lagSeconds);
    rows.push([total.processor, 'all', '', '', formatCount(total.lagEvents), seconds, '', '']);
  }
  return table(columns, rows);
}

function formatSeconds(seconds: number | null): string {
  return seconds === null ? '-' : seconds.toFixed(1);
}
