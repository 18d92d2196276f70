import type { AnswerBody } from '../../../serving/answers/recommender.ts';

/** What an answer says, whichever form its body has. */
export function parseAnswer({ body }: { readonly body: AnswerBody }): unknown {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body.latin1, 'latin1');
  return JSON.parse(bytes.toString());
}
