/** Text for a terminal of 80 columns. */
export const WIDTH = 80;

/** 100836 -> '100,836'. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** 1,234 B, 12.3 kB, 4.5 MB: powers of 1000. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  for (; value >= 10_000 && unit < units.length - 1; unit++) value /= 1000;
  return `${value.toLocaleString('en', { maximumFractionDigits: unit === 0 ? 0 : 1 })} ${units[unit] ?? ''}`;
}

/** Events a second, in two or three figures that mean something. */
export function formatRate(events: number, ms: number): string {
  const rate = ms <= 0 ? 0 : (events * 1000) / ms;
  const rounded = rate >= 1000 ? Math.round(rate / 100) * 100 : Math.round(rate);
  return `${formatCount(rounded)}/s`;
}

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

/** A table whose columns are as wide as they need; the widest left-aligned one gives way at 80. */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width = WIDTH,
): string {
  const widths = columns.map(({ title }, i) =>
    Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)),
  );
  const used = (): number => widths.reduce((sum, w) => sum + w + 2, -2);
  while (used() > width) {
    let widest = 0;
    widths.forEach((w, i) => {
      if (w > (widths[widest] as number)) widest = i;
    });
    widths[widest] = Math.max(4, (widths[widest] as number) - (used() - width));
    if (widths[widest] === 4) break;
  }
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align }, i) => {
        const room = widths[i] as number;
        const cell = shorten(cells[i] ?? '', room);
        return align === 'right' ? cell.padStart(room) : cell.padEnd(room);
      })
      .join('  ')
      .trimEnd();
  return [line(columns.map(({ title }) => title)), ...rows.map(line)].join('\n');
}

export function shorten(text: string, room: number): string {
  const flat = text.replaceAll(/[\p{Cc}\p{Cf}]/gu, ' ');
  return flat.length <= room ? flat : `${flat.slice(0, Math.max(0, room - 3))}...`;
}
