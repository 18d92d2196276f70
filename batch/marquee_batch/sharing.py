"""Files that every machine of the cluster needs: put there once, mapped into memory by all its tasks."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from pyspark import SparkContext, SparkFiles
from scipy import sparse

from .dataset import Dataset


def share(context: SparkContext, files: list[Path]) -> Callable[[str], str]:
    """Gives tasks the files. What is returned tells, in a task, the path of one by its name."""
    if context.master.startswith("local"):
        folder = str(files[0].parent)
        return lambda name: f"{folder}/{name}"
    for file in files:
        context.addFile(str(file))
    return lambda name: SparkFiles.get(name)


@lru_cache(maxsize=8)
def load_array(path: str) -> np.ndarray:
    return np.load(path, mmap_mode="r")


@lru_cache(maxsize=4)
def load_matrix(path: str) -> sparse.csr_matrix:
    return sparse.load_npz(path)


@lru_cache(maxsize=2)
def load_columns(path: str) -> sparse.csc_matrix:
    return sparse.load_npz(path).tocsc()


@lru_cache(maxsize=2)
def load_dataset(path_of_one: str, place: Callable[[str], str]) -> Dataset:
    return Dataset.load(place)
