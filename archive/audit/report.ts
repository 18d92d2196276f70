/** Something that doesn't balance, with the place to look at. */
export interface AuditFinding {
  readonly check: string;
  /** Topic and partition with offsets, or the object. */
  readonly place: string;
  readonly detail: string;
}

/** Outcomes of the records of one partition that were received in one hour. */
export interface AuditAccount {
  readonly partition: number;
  /** ISO 8601. */
  readonly hour: string;
  readonly fromOffset: number;
  readonly toOffset: number;
  readonly records: number;
  readonly applied: number;
  readonly duplicate: number;
  readonly tooLate: number;
  readonly dead: number;
  readonly skipped: number;
  /** Of those the archive holds; null where it has not come to the hour's end. */
  readonly archived: number | null;
}

export interface AuditReport {
  readonly topic: string;
  readonly accounts: readonly AuditAccount[];
  readonly hotRows: number;
  readonly objects: number;
  readonly findings: readonly AuditFinding[];
  readonly seconds: number;
}

/** Hours of receipt [from, to) in epoch ms; null is without a bound. */
export interface AuditedHours {
  readonly from: number | null;
  readonly to: number | null;
}

export function placeOf(topic: string, partition: number, from: number, to: number): string {
  return `${topic}/${partition} [${from}, ${to})`;
}
