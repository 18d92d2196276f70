"""Files that every machine of the cluster needs: put there once, mapped into memory by all its
tasks."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from pyspark import SparkContext, SparkFiles
from scipy import sparse

from .item_item import column_norms


def share(context: SparkContext, files: list[Path]) -> Callable[[str], str]:
    """Gives tasks the files, of one folder. What is returned tells, in a task, the path of one by
    its name."""
    folder = files[0].parent
    if context.master.startswith("local"):
        return lambda name: f"{folder}/{name}"
    # Spark knows files by their names alone, and gives all that were ever added to a machine that
    # comes later: each has a name of its own, and stays when the file itself is removed.
    shared = folder.parent / "shared"
    shared.mkdir(exist_ok=True)
    for file in files:
        link = shared / f"{folder.name}-{file.name}"
        if not link.exists():
            link.hardlink_to(file)
            context.addFile(str(link))
    return lambda name: SparkFiles.get(f"{folder.name}-{name}")


@lru_cache(maxsize=8)
def load_array(path: str) -> np.ndarray:
    return np.load(path, mmap_mode="r")


@lru_cache(maxsize=4)
def load_matrix(path: str) -> sparse.csr_matrix:
    return sparse.load_npz(path)


@lru_cache(maxsize=2)
def load_columns(path: str) -> sparse.csc_matrix:
    return load_matrix(path).tocsc()


@lru_cache(maxsize=2)
def load_norms(path: str) -> np.ndarray:
    return column_norms(load_columns(path))
