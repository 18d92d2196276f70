import { asError } from '../../../common/error.ts';

/** Why a membership ended. */
export interface Failure {
  readonly error: Error;
  /** A new membership would meet it again. */
  readonly fatal: boolean;
}

/** Errors that no retry mends: a person has to change a permission, a setting or a version. */
const FATAL_TYPES: ReadonlySet<string> = new Set([
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
  'UNSUPPORTED_VERSION',
  'INVALID_TOPIC_EXCEPTION',
  'INVALID_GROUP_ID',
  'INVALID_SESSION_TIMEOUT',
]);

/** A coordinator's words to a member that it has taken out of the group. */
const LOST_TYPES: ReadonlySet<string> = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION']);

/** The end of a membership by a crash of kafkajs. */
export function failureOf(error: unknown): Failure {
  return { error: asError(error), fatal: FATAL_TYPES.has(typeOf(error)) };
}

/** The group has given this member's partitions to others. */
export function isMembershipLost(error: unknown): boolean {
  return LOST_TYPES.has(typeOf(error));
}

/** kafkajs names a protocol error by its type, e.g. UNKNOWN_MEMBER_ID. */
function typeOf(error: unknown): string {
  return error instanceof Error && 'type' in error && typeof error.type === 'string'
    ? error.type
    : '';
}
