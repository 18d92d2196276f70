/** How long tables keep what they hold; units are in the names. */
export interface RetentionSettings {
  readonly recommendationLogsDays: number;
  readonly recommendationFeedbackDays: number;
  /** Must exceed the late horizon: until then a resend may come. */
  readonly profileEventIdsHours: number;
}

export const DEFAULT_RETENTION: RetentionSettings = Object.freeze({
  recommendationLogsDays: 90,
  recommendationFeedbackDays: 90,
  profileEventIdsHours: 72,
});
