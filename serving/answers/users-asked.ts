import type { UserState } from '../ranking/history.ts';
import type { Surface } from '../ranking/surface.ts';
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

/** Movies that the surface hides from the user since they have seen them. */
export function hiddenFrom(user: UserState | null, surface: Surface): number[] {
  if (user === null || surface.seen !== 'hide') return [];
  return user.history.filter((row) => row.seen).map((row) => row.movieId);
}
