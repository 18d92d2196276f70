import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { sharedStack } from '../../support/shared-stack.ts';

describe('the shared stack', () => {
  it('has durable Postgres settings, UTF-8 and pgvector', async () => {
    const client = new pg.Client({ connectionString: sharedStack().adminUrl });
    await client.connect();
    try {
      const show = async (name: string) =>
        Object.values(
          (await client.query<Record<string, string>>(`SHOW ${name}`)).rows[0] ?? {},
        )[0];
      expect(await show('fsync')).toBe('on');
      expect(await show('synchronous_commit')).toBe('on');
      expect(await show('full_page_writes')).toBe('on');
      expect(await show('server_encoding')).toBe('UTF8');
      const { rows } = await client.query<{ d: number }>(`SELECT '[1,2]'::vector <-> '[1,4]' AS d`);
      expect(rows).toEqual([{ d: 2 }]);
    } finally {
      await client.end();
    }
  });
});
