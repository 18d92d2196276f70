/** The reason for which a row can't be used; such rows are counted by `kind`. */
export interface RowFault {
  readonly kind: FaultKind;
  readonly reason: string;
}

export type FaultKind =
  | 'bad line'
  | 'bad number'
  | 'out of range'
  | 'bad text'
  | 'unknown movie'
  | 'duplicate'
  | 'bad field'
  | 'bad time'
  | 'breaks a rule';

export function isFault(value: object | number): value is RowFault {
  return typeof value === 'object' && 'reason' in value;
}

/** The first fault among parsed fields. */
export function firstFault(...values: readonly (number | RowFault | null)[]): RowFault | null {
  for (const value of values) if (value !== null && isFault(value)) return value;
  return null;
}
