import pg from 'pg';
import { until } from '../until.ts';
import { MINUTE_MS } from '../../../common/time.ts';

export type Row = Record<string, unknown>;

/**
 * A connection for looking, which opens anew after the server was away. int8 comes as a number.
 */
export interface Database {
  query<R extends Row = Row>(text: string, values?: readonly unknown[]): Promise<R[]>;
  /** As `query`, again and again until the server answers. */
  patient<R extends Row = Row>(text: string, values?: readonly unknown[]): Promise<R[]>;
  close(): Promise<void>;
}

const INT8 = 20;
const types = new pg.TypeOverrides();
types.setTypeParser(INT8, Number);

export function openDatabase(url: string): Database {
  let client: Promise<pg.Client> | null = null;

  async function connect(): Promise<pg.Client> {
    const opened = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: 5_000,
      application_name: 'fault-suite',
      types,
    });
    const forget = (): void => {
      client = null;
    };
    opened.on('error', forget);
    opened.on('end', forget);
    try {
      await opened.connect();
      await opened.query('SET search_path = marquee, public');
      return opened;
    } catch (error) {
      forget();
      await opened.end().catch(() => undefined);
      throw error;
    }
  }

  const query = async <R extends Row>(text: string, values?: readonly unknown[]): Promise<R[]> => {
    const ready = await (client ??= connect());
    const { rows } = await ready.query<R>(text, values as unknown[] | undefined);
    return rows;
  };

  return {
    query,
    patient: (text, values) =>
      until('Postgres to answer', MINUTE_MS, () => query(text, values)) as Promise<never>,
    async close() {
      const open = client;
      client = null;
      await (await open?.catch(() => undefined))?.end().catch(() => undefined);
    },
  };
}
