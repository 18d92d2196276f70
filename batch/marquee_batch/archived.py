"""Rows of an archived file -> events. Pure: Arrow and numpy in, Arrow out."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .history import ACTIONS, EVENTS


def parse(table: pa.Table, source: int, late_ms: int) -> pa.Table:
    """Rows of an archived file -> EVENTS; impressions, searches, actions without a movie and what
    was received too late are left out."""
    codes = pc.index_in(pc.cast(table.column("action"), pa.string()), pa.array(ACTIONS))
    late = pc.greater(milliseconds(table, "received_at", "occurred_at"), late_ms)
    kept = pc.and_(pc.is_valid(codes), pc.is_valid(table.column("movie_id")))
    kept = pc.and_not(kept, late)
    table = table.filter(kept)
    return pa.table(
        [
            uuid_bytes(table.column("event_id")),
            pc.cast(table.column("user_id"), pa.string()),
            table.column("movie_id"),
            codes.filter(kept),
            table.column("value"),
            pa.array(np.full(len(table), source, np.int32)),
            pc.cast(table.column("kafka_partition"), pa.int32()),
            table.column("kafka_offset"),
        ],
        schema=EVENTS,
    )


def milliseconds(table: pa.Table, later: str, earlier: str) -> pa.ChunkedArray:
    """From one time to the other."""

    def since_epoch(name: str) -> pa.ChunkedArray:
        return pc.cast(
            pc.cast(table.column(name), pa.timestamp("ms", "UTC"), safe=False), pa.int64()
        )

    return pc.subtract(since_epoch(later), since_epoch(earlier))


#: Value of each hexadecimal digit's character.
NIBBLE = np.zeros(256, dtype=np.uint8)
for _digit in "0123456789abcdef":
    NIBBLE[[ord(_digit), ord(_digit.upper())]] = int(_digit, 16)
#: Where UUIDs as text have digits, not dashes.
DIGITS = np.array([i for i in range(36) if i not in (8, 13, 18, 23)])


def uuid_bytes(texts: pa.ChunkedArray) -> pa.Array:
    """UUIDs as text (36 characters each) -> 16 bytes each."""
    chunk = pa.concat_arrays(texts.chunks) if texts.num_chunks else pa.array([], pa.string())
    ids = chunk.cast(pa.binary(36)) if len(chunk) else pa.array([], pa.binary(36))
    raw = np.frombuffer(ids.buffers()[1] or b"", dtype=np.uint8)[ids.offset * 36 :][: len(ids) * 36]
    nibbles = NIBBLE[raw.reshape(-1, 36)[:, DIGITS]]
    data = (nibbles[:, 0::2] << 4) | nibbles[:, 1::2]
    fixed = pa.Array.from_buffers(pa.binary(16), len(ids), [None, pa.py_buffer(data.tobytes())])
    return fixed.cast(pa.binary())
