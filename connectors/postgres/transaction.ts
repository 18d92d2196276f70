import { MarqueeError } from '../../common/error.ts';
import { isConnectionLoss, toPostgresError } from './errors.ts';

export type Isolation = 'REPEATABLE READ' | 'REPEATABLE READ READ ONLY';

/** A connection as far as a transaction needs one. */
interface Connection {
  execute(text: string): Promise<unknown>;
  usable(): boolean;
}

/** COMMIT was sent and its answer was lost: whether it counted is for the tables to say. */
export class CommitUnknown extends MarqueeError {
  constructor(cause: unknown) {
    const { code, message } = toPostgresError(cause, 'COMMIT');
    super(code, `the answer to COMMIT was lost: ${message}`, { cause, retriable: true });
    this.name = 'CommitUnknown';
  }
}

/** The work of a transaction returns it to undo what it did, and to give a result all the same. */
export class Rollback<T> {
  readonly result: T;

  constructor(result: T) {
    this.result = result;
  }
}

/**
 * Does the work between BEGIN and COMMIT and returns its result. What the work throws is thrown
 * after a ROLLBACK; a `Rollback` that it returns is a result without its changes. Throws
 * CommitUnknown when the answer to COMMIT was lost: then the work may count or not.
 */
export async function inTransaction<T>(
  connection: Connection,
  work: () => Promise<T | Rollback<T>>,
  isolation?: Isolation,
): Promise<T> {
  await connection.execute(
    isolation === undefined ? 'BEGIN' : `BEGIN ISOLATION LEVEL ${isolation}`,
  );
  let result: T | Rollback<T>;
  try {
    result = await work();
    if (result instanceof Rollback) {
      await connection.execute('ROLLBACK');
      return result.result;
    }
  } catch (error) {
    if (connection.usable()) await connection.execute('ROLLBACK').catch(() => undefined);
    throw error;
  }
  try {
    await connection.execute('COMMIT');
  } catch (error) {
    // A refused COMMIT (a serialisation fault, a full disk) has rolled back; a lost one may count.
    throw isConnectionLoss(error) ? new CommitUnknown(error) : error;
  }
  return result;
}
