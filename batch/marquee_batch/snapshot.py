"""Snapshots: models/<algorithm>/<version>/ in the object store. What has a metadata.json is whole,
and is never written again."""

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .errors import BatchError
from .store import Store

ALGORITHMS = ("als", "item-item", "ratings", "lists")


def folder(algorithm: str, version: str) -> str:
    return f"models/{algorithm}/{version}"


def finish(
    store: Store, version: str, metadata: dict[str, Any], own: dict[str, dict[str, Any]]
) -> None:
    """Writes metadata.json of each algorithm; that of the lists last, which makes the version
    whole."""
    for algorithm in ALGORITHMS:
        text = json.dumps({"algorithm": algorithm, **metadata, **own.get(algorithm, {})}, indent=1)
        store.put(f"{folder(algorithm, version)}/metadata.json", text.encode())


def read_metadata(store: Store, version: str) -> dict[str, Any]:
    """Raises BatchError MARQUEE_MODEL_UNKNOWN for a version that the store has not whole."""
    try:
        return json.loads(store.get(f"{folder('lists', version)}/metadata.json"))
    except FileNotFoundError as error:
        raise BatchError(
            "MARQUEE_MODEL_UNKNOWN",
            f"the object store has no whole model {version} "
            f"({folder('lists', version)}/metadata.json is missing): "
            "`marquee model ls` shows which there are",
        ) from error


def versions(store: Store) -> list[str]:
    """Versions of which the store has anything, whole or not; oldest first."""
    return sorted({v for algorithm in ALGORITHMS for v in store.folders(f"models/{algorithm}")})


def whole_versions(store: Store) -> list[str]:
    """Versions that a run finished; oldest first."""
    end = "/metadata.json"
    found = store.objects("models/lists")
    return sorted(path.split("/")[2] for path in found if path.endswith(end))


def tables(store: Store, prefix: str) -> Iterator[pa.Table]:
    """Every Parquet object under a prefix, in the order of their names."""
    for path in store.objects(prefix):
        if path.endswith(".parquet"):
            yield pq.read_table(pa.BufferReader(store.get(path)))


def drop_old(store: Store, keep: int, in_use: set[str]) -> list[str]:
    """Removes the oldest snapshots beyond `keep`, and what no run finished; those in use stay."""
    whole = whole_versions(store)
    kept = set(whole[max(0, len(whole) - keep) :]) | in_use
    gone = [version for version in versions(store) if version not in kept]
    for version in gone:
        # From then on the version is not whole.
        store.remove(f"{folder('lists', version)}/metadata.json")
        for algorithm in ALGORITHMS:
            store.remove_folder(folder(algorithm, version))
    return gone
