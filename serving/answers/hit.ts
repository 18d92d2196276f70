import type { StoredList } from '../lists/stored-list.ts';
import type { AnswerContext } from './context.ts';
import type { Answer } from './recommender.ts';
import { answerStart, servePart } from './send.ts';

const USED = ['cache:used'];

const END = ']}';

/** Who asked, and since when. */
interface Asker {
  readonly userId: string;
  readonly startedAt: number;
  readonly app: string;
}

/**
 * A stored list as it stands: its bytes with a head of the request's own, its log as it was encoded when the
 * list was made. For as many items as its log is about.
 */
export async function sendStored(
  context: AnswerContext,
  stored: StoredList,
  { userId, startedAt, app }: Asker,
): Promise<Answer> {
  const requestId = context.requestId();
  const serve = servePart(
    {
      userId,
      source: 'cache',
      afterRequestId: null,
      firstPosition: 1,
      steps: USED,
      rows: null,
    },
    { requestId, latencyMs: performance.now() - startedAt, app },
  );
  await context.options.append(serve, stored.log.bytes);
  const head = answerStart(requestId.text, 'cache');
  return { body: { latin1: head + stored.latin1() + END }, source: 'cache' };
}
