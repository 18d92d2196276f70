import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { repositoryRoot } from '../../../cli/config/config.ts';
import { HOUR_MS } from '../../../common/time.ts';
import { LIVE_DEFAULTS } from '../../../serving/ranking/live-scores.ts';

/** The numbers of a section of batch/settings.toml. */
function sectionOf(name: string): Readonly<Record<string, number>> {
  const text = readFileSync(join(repositoryRoot, 'batch', 'settings.toml'), 'utf8');
  const [, body = ''] = text.split(`[${name}]\n`);
  const lines = body.split(/^\[/m)[0]?.matchAll(/^(\w+) = ([\d.]+)/gm) ?? [];
  return Object.fromEntries([...lines].map(([, key = '', value]) => [key, Number(value)]));
}

test('the batch stage judges live lists by the numbers that serving ranks them by', () => {
  expect(sectionOf('order')).toEqual({
    boost: LIVE_DEFAULTS.boost,
    boost_half_life: LIVE_DEFAULTS.boostHalfLife,
    fade_hours: LIVE_DEFAULTS.fadeMs / HOUR_MS,
    next_share: LIVE_DEFAULTS.nextShare,
    next_actions: LIVE_DEFAULTS.nextActions,
    next_half_life: LIVE_DEFAULTS.nextHalfLife,
  });
});
