import { MarqueeError } from '../../common/error.ts';

/** SQLSTATE classes and codes that go away by themselves or by a second try. */
const RETRIABLE_CLASSES = new Set(['08', '53', '57', '58']);
const RETRIABLE_STATES = new Set([
  '25006', // read-only transaction: a standby, or a server set read-only
  '25P03', // idle_in_transaction_session_timeout: we were stopped too long
  '40001',
  '40P01',
  '55P03', // lock_timeout
  '55000', // e.g. a detached partition in the middle of a change
]);
/** Faults of a value in a row: the row is at fault, not the world. */
const DATA_CLASSES = new Set(['21', '22', '23']);

interface PgError extends Error {
  code?: string;
  detail?: string;
}

export function sqlState(error: unknown): string | undefined {
  const cause = error instanceof MarqueeError ? error.cause : error;
  const code = (cause as PgError | undefined)?.code;
  // Every SQLSTATE has a digit; the system's EPIPE, EBUSY and their like have five letters too.
  return code !== undefined && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

export function isUniqueViolation(error: unknown): boolean {
  return sqlState(error) === '23505';
}

export function isMissingPartition(error: unknown): boolean {
  const cause = error instanceof MarqueeError ? error.cause : error;
  return sqlState(error) === '23514' && /no partition/.test((cause as Error).message);
}

/** The database refuses a value in the batch: the batch is to be cut until the row is found. */
export function isDataError(error: unknown): boolean {
  const state = sqlState(error);
  return state !== undefined && DATA_CLASSES.has(state.slice(0, 2)) && !isMissingPartition(error);
}

/** The session cannot be used any more, and a COMMIT under way has an unknown result. */
export function isConnectionLoss(error: unknown): boolean {
  const state = sqlState(error);
  return (
    state === undefined ||
    state.startsWith('08') ||
    state.startsWith('57P') ||
    state === '25P03' ||
    state.startsWith('58')
  );
}

/** Gives a driver's or server's error its code and says whether a retry can help. */
export function toPostgresError(error: unknown, doing: string): MarqueeError {
  if (error instanceof MarqueeError) return error;
  const { message, detail } = error as PgError;
  const state = sqlState(error);
  const text = `Postgres, ${doing}: ${message}${detail === undefined ? '' : ` (${detail})`}`;
  if (state === undefined) {
    return new MarqueeError(
      'MARQUEE_PG_UNAVAILABLE',
      `${text}. Is the server up and the URL right?`,
      { cause: error, retriable: true },
    );
  }
  if (state === '53100')
    return new MarqueeError('MARQUEE_PG_DISK_FULL', `${text}. Free space on the server's disk.`, {
      cause: error,
      retriable: true,
    });
  if (state === '25006')
    return new MarqueeError(
      'MARQUEE_PG_READ_ONLY',
      `${text}. Point the URL at a writable server.`,
      {
        cause: error,
        retriable: true,
      },
    );
  // The row's partition was dropped since it was last seen: it is made again.
  const retriable =
    isMissingPartition(error) ||
    RETRIABLE_CLASSES.has(state.slice(0, 2)) ||
    RETRIABLE_STATES.has(state);
  const code = retriable ? 'MARQUEE_PG_RETRY' : 'MARQUEE_PG_REFUSED';
  return new MarqueeError(code, `${text} [${state}]`, { cause: error, retriable });
}
