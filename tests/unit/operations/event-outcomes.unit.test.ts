import { expect, it } from 'vitest';
import { formatUuid } from '../../../common/uuid.ts';
import { outcomesOf } from '../../../operations/event-outcomes.ts';
import type { Accounts, EventReader, FoundEvent } from '../../../operations/event-outcomes.ts';
import { HOUR_MS } from '../../../common/time.ts';
import { action, T0 } from '../../support/records.ts';

const RATED = action({ action: 'rate', value: 4 });
const ID = formatUuid(RATED.event_id);

/** Keeps rows with their place, and is about ratings alone. */
const rows: EventReader = {
  name: 'rows',
  relevant: (event) => event.action === 'rate',
  irrelevantBecause: 'no rating',
  rowsCarryOffsets: true,
  appliedIds: { table: 'ratings', column: 'event_id' },
};
/** Keeps ids alone. */
const sums: EventReader = {
  name: 'sums',
  relevant: () => true,
  rowsCarryOffsets: false,
  appliedIds: { table: 'sum_ids', column: 'event_id' },
};

const found = (over: Partial<FoundEvent> = {}): FoundEvent => ({
  ...{ partition: 3, offset: 10, receivedAt: T0, key: 'u1', action: RATED, redrivenFor: null },
  ...over,
});

/** Both readers stand behind the event, and have its row from there. */
const accounts = (over: Partial<Accounts> = {}): Accounts => ({
  next: new Map([
    ['rows/3', 11],
    ['sums/3', 11],
  ]),
  dead: new Map(),
  rows: new Map([
    [`rows/${ID}`, '3/10'],
    [`sums/${ID}`, null],
  ]),
  floors: new Map(),
  ...over,
});

it.each<[what: string, event: FoundEvent, known: Accounts, outcomes: [string, string | null][]]>([
  [
    'applied',
    found(),
    accounts(),
    [
      ['applied', null],
      ['applied', null],
    ],
  ],
  [
    'a resend, which sums know by the rows of others',
    found({ offset: 9 }),
    accounts(),
    [
      ['duplicate', 'of 3/10'],
      ['duplicate', 'of 3/10'],
    ],
  ],
  [
    'waiting where the position is before it',
    found(),
    accounts({ next: new Map([['rows/3', 10]]) }),
    [
      ['waiting', 'rows stands at 10'],
      ['waiting', 'sums stands at 0'],
    ],
  ],
  [
    'a dead letter of the one that refused it',
    found(),
    accounts({ dead: new Map([['sums/3/10', { reason: 'out_of_range', redriven: true }]]) }),
    [
      ['applied', null],
      ['dead_letter', 'out_of_range, redriven since'],
    ],
  ],
  [
    'skipped by whom it was not redriven for',
    found({ redrivenFor: 'sums' }),
    accounts(),
    [
      ['skipped', 'redriven for sums'],
      ['applied', null],
    ],
  ],
  [
    'skipped by whom it is not about, for the reason that is declared',
    found({ action: { ...RATED, action: 'view', value: null } }),
    accounts(),
    [
      ['skipped', 'no rating'],
      ['applied', null],
    ],
  ],
  [
    'too late, whatever it is about',
    found({ receivedAt: T0 + 25 * HOUR_MS }),
    accounts(),
    [
      ['too_late', null],
      ['too_late', null],
    ],
  ],
  [
    'expired where its partition is gone, missing where it is not',
    found(),
    accounts({ rows: new Map(), floors: new Map([['ratings', T0]]) }),
    [
      ['expired', 'its partition was dropped since'],
      ['missing', 'it is behind the position and in no account'],
    ],
  ],
  [
    'missing where it cannot be read and nobody refused it',
    found({ action: null }),
    accounts(),
    [
      ['missing', 'it cannot be read, and is no dead letter'],
      ['missing', 'it cannot be read, and is no dead letter'],
    ],
  ],
])('says of an event that it is %s', (_, event, known, outcomes) => {
  const said = outcomesOf([rows, sums], event, known, 24 * HOUR_MS);
  expect(said).toEqual([
    { processor: 'rows', outcome: outcomes[0]?.[0], remark: outcomes[0]?.[1] },
    { processor: 'sums', outcome: outcomes[1]?.[0], remark: outcomes[1]?.[1] },
  ]);
});
