import { bytesColumn, type EventColumns } from '../../archive/format/columns.ts';
import { SortKeys } from '../../archive/format/sort-keys.ts';

const ID_BYTES = 16;

/** The order in which a file has these rows. */
export function sortedOrder(events: EventColumns): Uint32Array {
  const ids = bytesColumn(events, 'event_id').bytes;
  const { bytes, ends } = bytesColumn(events, 'user_id');
  const keys = new SortKeys(events.rows);
  for (let i = 0, at = 0; i < events.rows; i++) {
    const end = ends[i] as number;
    keys.add(bytes, at, end - at, ids, i * ID_BYTES);
    at = end;
  }
  return keys.order();
}
