import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAppender } from '../../../connectors/postgres/append.ts';
import { CopyWriter } from '../../../connectors/postgres/copy-writer.ts';
import { openSession, type Session } from '../../../connectors/postgres/session.ts';
import { uuidv7 } from '../../../common/uuid.ts';
import { createRandom } from '../../../common/random.ts';
import { sharedStack } from '../../support/shared-stack.ts';

let session: Session;
beforeAll(async () => {
  session = await openSession({
    url: sharedStack().adminUrl,
    applicationName: 'append test',
    searchPath: 'public',
  });
  await session.execute(`CREATE TABLE appended (id uuid PRIMARY KEY, body text,
    kafka_partition int, kafka_offset bigint)`);
});
afterAll(async () => {
  await session.execute('DROP TABLE appended');
  await session.close();
});

it('keeps the earlier of two alike, whatever order the staging table gives them back in', async () => {
  const random = createRandom(7);
  const { append } = createAppender({
    table: 'appended',
    columns: ['id', 'body', 'kafka_partition', 'kafka_offset'],
    key: 'id',
  });
  // From its second batch on the staging table has gaps at the ends of pages, which rows fill.
  for (const batch of [0, 1, 2]) {
    const out = new CopyWriter();
    const places: { partition: number; offset: number }[] = [];
    const resends: number[] = [];
    for (let n = 0; n < 6_000; n++) {
      const id = uuidv7(1_700_000_000_000 + batch * 10_000 + n);
      const body = 'x'.repeat(random.below(1_900));
      for (const again of [false, true]) {
        out.row(4);
        out.raw(id);
        out.text(body);
        out.int4(0);
        out.int8(places.length);
        if (again) resends.push(places.length);
        places.push({ partition: 0, offset: places.length });
      }
    }
    const left = await session.transaction(() => append(session, out.take(), places));
    expect([...left].sort((a, b) => a - b)).toEqual(resends);
  }
});
