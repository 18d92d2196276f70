import type { UserState } from '../ranking/history.ts';
import { readUsers } from '../state/users.ts';
import type { AnswerContext } from './context.ts';
import type { Said } from './said.ts';

/** The user as Postgres knows them; null where it knows nothing, or doesn't answer, which is said. */
export async function askForUser(
  context: AnswerContext,
  userId: string,
  said: Said,
): Promise<UserState | null> {
  const asked = await context.postgresGuard.ask(() =>
    readUsers(context.options.state.pool, [userId]),
  );
  if (asked.kind === 'failed') {
    said.say('similarity', asked.why);
    return null;
  }
  const user = asked.value.get(userId) ?? null;
  if (user === null) said.say('similarity', 'no_profile');
  return user;
}
