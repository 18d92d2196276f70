import type { FirstCandidates } from '../lists/list-maker.ts';
import type { ListSources } from '../lists/list-sources.ts';
import type { HistoryRow } from '../ranking/history.ts';
import { alike } from '../state/alike.ts';
import type { AnswerContext } from './context.ts';

/** By likeness, where no movie of the history has neighbours; null where that gives nothing, or isn't asked. */
export async function firstOf(
  { options, postgresGuard }: AnswerContext,
  { rankers }: ListSources,
  personal: boolean,
  history: readonly HistoryRow[],
): Promise<FirstCandidates | null> {
  if (personal || rankers === null) return null;
  const asked = await postgresGuard.ask(() => alike(rankers, options.state.nearest(), history));
  return asked.kind === 'got' ? asked.value : null;
}
