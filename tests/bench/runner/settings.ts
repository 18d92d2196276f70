import { versions } from '../../../cli/stack/install/versions.ts';
import type { BenchStack } from './stack.ts';

/** The servers' versions and the settings that decide what a write costs. */
export async function settingsOf(stack: BenchStack): Promise<[string, string][]> {
  const sql = await stack.connect();
  try {
    const { rows } = await sql.query<{ name: string; setting: string }>(
      `SELECT name, current_setting(name) AS setting FROM pg_settings
        WHERE name IN ('server_version', 'fsync', 'synchronous_commit', 'full_page_writes',
          'shared_buffers', 'max_wal_size', 'wal_compression') ORDER BY name`,
    );
    return [
      ['Postgres', rows.map(({ name, setting }) => `${name} ${setting}`).join(', ')],
      ['Kafka', `${versions.kafka}, one node, loopback`],
    ];
  } finally {
    await sql.end();
  }
}
