/** '0.8 s', '12 s', '4 min 40 s'. */
export function formatSeconds(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${seconds.toFixed(0)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** The last lines of a log, for an error message. */
export function tail(content: string, lines: number): string {
  return content.trimEnd().split('\n').slice(-lines).join('\n');
}
