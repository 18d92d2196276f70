/**
 * The closed catalogue of what can become of a record that is not applied. The same word is the
 * metric's label, the dead letter's reason and the line in docs/errors.md.
 */
export const DEAD_LETTER_REASONS = {
  not_avro: 'The value does not begin with the magic byte 0 and a schema id.',
  unknown_schema: 'The registry does not know the schema id in the header.',
  wrong_schema: "The schema id exists, but is no version of this topic's subject.",
  undecodable: 'The bytes do not fit the schema: truncated, bytes left over, or a broken length.',
  too_large: 'The record is larger than the processor takes.',
  null_value: 'The value is null on a topic that has no tombstones.',
  missing_key: 'The record has no key.',
  key_mismatch: "The record's key is not the one that its value asks for.",
  invalid_text: 'A string is not valid UTF-8, or holds U+0000.',
  unknown_action: 'The action is none that this version knows.',
  missing_field: 'A field that this action needs is null or empty.',
  out_of_range: 'A value is outside its range, or too long.',
  id_not_v7: 'The id is not a UUID of version 7.',
  id_time_mismatch: "The id's time is not the event's time.",
  event_from_future: "The id's time is more than 5 minutes after the broker received it.",
  rejected_by_database: 'Postgres refused this row alone.',
} as const;

export const DROP_REASONS = {
  duplicate: 'An event with this id is in the table already.',
  too_late: 'Received later after its time than the late horizon: it counts in the archive only.',
  not_relevant: 'Nothing for this processor.',
  redriven_elsewhere: 'A redriven record that is meant for another processor.',
} as const;

export type DeadLetterReason = keyof typeof DEAD_LETTER_REASONS;
