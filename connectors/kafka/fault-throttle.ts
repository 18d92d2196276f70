/** A client that can't reach its broker says so many times a second; once in a while is enough. */
const SAME_FAULT_MS = 5_000;
const REMEMBERED_MAX = 100;

export type ReportFault = (error: Error) => void;

/** Passes each message on at most once in five seconds. */
export function createFaultThrottle(): (report: ReportFault) => ReportFault {
  const last = new Map<string, number>();
  return (report) => (error) => {
    const now = Date.now();
    if (now - (last.get(error.message) ?? -Infinity) < SAME_FAULT_MS) return;
    if (last.size >= REMEMBERED_MAX) last.clear();
    last.set(error.message, now);
    report(error);
  };
}
