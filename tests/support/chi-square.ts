/** Where chi-square has p = .001 (Wilson and Hilferty 1931). */
export function chiSquareAt001(freedom: number): number {
  if (freedom === 0) return 1e-9;
  const part = 2 / (9 * freedom);
  return freedom * (1 - part + 3.0902 * Math.sqrt(part)) ** 3;
}
