import type { StoredList } from '../lists/stored-list.ts';
import type { AnswerContext } from './context.ts';
import type { Answer } from './recommender.ts';
import { answerStart, servePart } from './send.ts';
import type { ServedList } from './served-list.ts';

const USED = ['cache:used'];

const END = ']}';

/** `start` is of ASCII alone. */
function answerOf(start: string, json: Buffer): Buffer {
  const body = Buffer.allocUnsafe(start.length + json.length + END.length);
  body.write(start, 'latin1');
  json.copy(body, start.length);
  body.write(END, start.length + json.length, 'latin1');
  return body;
}

/** Who asked, and since when. */
interface Asker {
  readonly userId: string;
  readonly startedAt: number;
  readonly app: string;
}

/**
 * A stored list as it stands: its bytes with a head of the request's own, its log as it was encoded when the
 * list was made. For as many items as its log is about; `list` makes the rest of what is known of it, for
 * the few who ask.
 */
export async function sendStored(
  context: AnswerContext,
  stored: StoredList,
  { userId, startedAt, app }: Asker,
  list: () => ServedList,
): Promise<Answer> {
  const requestId = context.requestId();
  context.recent.add(requestId.text, { servedAt: requestId.servedAt, list });
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
  return { body: answerOf(answerStart(requestId.text, 'cache'), stored.json(stored.log.items)) };
}
