import { DuckDBInstance, DuckDBTimestampTZValue } from '@duckdb/node-api';
import type { DuckDBResult, DuckDBValue } from '@duckdb/node-api';
import { MarqueeError } from '../../common/error.ts';

export interface DuckDbOptions {
  /** File of the extension httpfs, built for this very version of DuckDB; null: no S3. */
  readonly httpfs: string | null;
  readonly store: {
    readonly endpoint: string;
    readonly accessKey: string;
    readonly secretKey: string;
  };
  /** The folder for what does not fit into memory. */
  readonly spillFolder: string;
}

export interface ResultColumn {
  readonly name: string;
  /** As DuckDB writes it: BIGINT, MAP(VARCHAR, VARCHAR). */
  readonly type: string;
}

/** Rows as they come: nothing is read ahead of who takes them. */
export interface SqlResult {
  readonly columns: readonly ResultColumn[];
  /** Rows a piece, until the last. */
  readonly pieces: AsyncIterable<readonly (readonly DuckDBValue[])[]>;
}

const INTERRUPT_MS = 50;

/** One DuckDB in this process, with one connection. Faults are MarqueeError MARQUEE_SQL_FAILED. */
export interface DuckDb {
  run(statement: string): Promise<void>;
  stream(statement: string): Promise<SqlResult>;
  all(statement: string): Promise<readonly (readonly DuckDBValue[])[]>;
  /** Ends what runs; it throws then. */
  interrupt(): void;
  close(): void;
}

export async function openDuckDb(options: DuckDbOptions): Promise<DuckDb> {
  const { endpoint, accessKey, secretKey } = options.store;
  const url = new URL(endpoint);
  DuckDBTimestampTZValue.timezoneOffsetInMinutes = 0;
  const instance = await DuckDBInstance.create(':memory:', {
    // What is not there is not fetched behind the user's back.
    autoinstall_known_extensions: 'false',
    temp_directory: options.spillFolder,
  });
  const connection = await instance.connect();
  let underWay = 0;
  let again: NodeJS.Timeout | undefined;
  const guard = async <T>(work: () => Promise<T>): Promise<T> => {
    underWay++;
    try {
      return await work();
    } catch (error) {
      throw toSqlError(error);
    } finally {
      // The next statement is not meant.
      if (--underWay === 0) clearTimeout(again);
    }
  };
  /** DuckDB forgets it when the statement was not begun yet: said again until it has ended. */
  const interrupt = (): void => {
    if (underWay === 0) return;
    connection.interrupt();
    clearTimeout(again);
    again = setTimeout(interrupt, INTERRUPT_MS).unref();
  };
  const database: DuckDb = {
    async run(statement) {
      await guard(() => connection.run(statement));
    },
    async stream(statement) {
      const result = await guard(() => connection.stream(statement));
      return { columns: columnsOf(result), pieces: piecesOf(result, guard) };
    },
    all: (statement) =>
      guard(async () => {
        const result = await connection.run(statement);
        return result.getRows();
      }),
    interrupt,
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
  try {
    await database.run(`SET TimeZone = 'UTC'`);
    if (options.httpfs !== null) {
      await database.run(`LOAD ${quote(options.httpfs)}`);
      await database.run(
        `CREATE SECRET marquee (TYPE s3, KEY_ID ${quote(accessKey)}, SECRET ${quote(secretKey)},
           ENDPOINT ${quote(url.host)}, URL_STYLE 'path', REGION 'us-east-1',
           USE_SSL ${String(url.protocol === 'https:')})`,
      );
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function toSqlError(error: unknown): MarqueeError {
  if (error instanceof MarqueeError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new MarqueeError('MARQUEE_SQL_FAILED', message, { cause: error });
}

function columnsOf(result: DuckDBResult): ResultColumn[] {
  const types = result.columnTypes();
  return result.columnNames().map((name, i) => ({ name, type: String(types[i]) }));
}

async function* piecesOf(
  result: DuckDBResult,
  guard: <T>(work: () => Promise<T>) => Promise<T>,
): AsyncGenerator<DuckDBValue[][]> {
  for (;;) {
    const chunk = await guard(() => result.fetchChunk());
    if (chunk === null || chunk.rowCount === 0) return;
    yield chunk.getRows();
  }
}

/** A text as a literal of SQL. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
