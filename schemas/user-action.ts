import type { UserActionAction, UserActionRecord } from './generated/types.ts';
import { USER_ACTION_ACTION_VALUES } from './generated/types.ts';
import { idTimeProblem, isMovieId, problem, propertiesProblem, textProblem } from './problem.ts';
import type { Problem } from './problem.ts';
import { USER_ACTION_TEXT as TEXT } from './limits.ts';

export type Action = UserActionAction;

export const ACTIONS: readonly Action[] = USER_ACTION_ACTION_VALUES;

/** The rule of an action's `value`. */
export interface ValueRule {
  readonly need: 'required' | 'optional' | 'none';
  readonly min: number;
  readonly max: number;
}

const NONE: ValueRule = { need: 'none', min: 0, max: 0 };
const SHARE: ValueRule = { need: 'optional', min: 0, max: 1 };

export const VALUE_RULES: Readonly<Record<Action, ValueRule>> = {
  impression: NONE,
  view: NONE,
  click: NONE,
  play: SHARE,
  progress: { ...SHARE, need: 'required' },
  complete: SHARE,
  rate: { need: 'required', min: 0.5, max: 5 },
  like: NONE,
  dislike: NONE,
  list_add: NONE,
  list_remove: NONE,
  share: NONE,
  search: NONE,
};

// A Map, since an action named `constructor` must not be found.
const RULES: ReadonlyMap<string, ValueRule> = new Map(Object.entries(VALUE_RULES));

/**
 * Checks an action whose fields have the schema's types. Null when all is well, else the first
 * field that breaks a rule, in a fixed order. The producer refuses what this refuses, and the
 * processors dead-letter it.
 */
export function validateUserAction(action: UserActionRecord): Problem | null {
  const rule = RULES.get(action.action);
  if (rule === undefined) {
    const name = JSON.stringify(action.action.slice(0, 64));
    return problem('action', 'unknown_action', `is ${name}: none of ${ACTIONS.join(', ')}`);
  }
  return (
    textProblem('user_id', action.user_id, TEXT.user_id) ??
    ruleProblem(action, rule) ??
    textProblem('app', action.app, TEXT.app) ??
    textProblem('session_id', action.session_id, TEXT.session_id) ??
    textProblem('device', action.device, TEXT.device) ??
    textProblem('app_version', action.app_version, TEXT.app_version) ??
    propertiesProblem(action.properties)
  );
}

/** The rules but those of text, for an action whose word is known and whose text is in bounds. */
export function userActionRuleProblem(
  action: UserActionRecord & { action: Action },
): Problem | null {
  return ruleProblem(action, VALUE_RULES[action.action]);
}

function ruleProblem(action: UserActionRecord, rule: ValueRule): Problem | null {
  return (
    idTimeProblem('event_id', action.event_id, 'occurred_at', action.occurred_at) ??
    movieProblem(action) ??
    valueProblem(action, rule) ??
    positionProblem(action.position)
  );
}

function movieProblem(action: UserActionRecord): Problem | null {
  const id = action.movie_id;
  if (id === null) {
    if (action.action === 'search') return null;
    return problem('movie_id', 'missing_field', `is null on the action ${action.action}`);
  }
  if (isMovieId(id)) return null;
  return problem('movie_id', 'out_of_range', `is ${id}: not a whole number from 1`);
}

function valueProblem(action: UserActionRecord, rule: ValueRule): Problem | null {
  const { value } = action;
  if (value === null) {
    if (rule.need !== 'required') return null;
    return problem('value', 'missing_field', `is null on the action ${action.action}`);
  }
  if (rule.need === 'none') {
    const said = `is ${value} on the action ${action.action}, which has none`;
    return problem('value', 'out_of_range', said);
  }
  // Written so that NaN fails too.
  if (value >= rule.min && value <= rule.max) return null;
  const range = `${rule.min} to ${rule.max}`;
  return problem('value', 'out_of_range', `is ${value}: not from ${range}`);
}

function positionProblem(position: number | null): Problem | null {
  if (position === null || (Number.isInteger(position) && position >= 1 && position < 2 ** 31)) {
    return null;
  }
  return problem('position', 'out_of_range', `is ${position}: not a whole number from 1`);
}
