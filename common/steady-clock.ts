/**
 * Milliseconds that look like epoch time and never jump: pauses and time-outs are measured by it,
 * so a corrected system clock neither ends nor prolongs them.
 */
export function steadyNow(): number {
  return Math.floor(performance.timeOrigin + performance.now());
}
