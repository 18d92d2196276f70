"""Trains implicit's ALS on a matrix: implicit_job.py X.npz FACTORS ITERATIONS THREADS. Prints
JSON."""

import json
import os
import resource
import sys
import time

path, factors, iterations, threads = sys.argv[1], *map(int, sys.argv[2:5])
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # implicit asks for it: its own threads use the cores

from implicit.als import AlternatingLeastSquares  # noqa: E402
from scipy import sparse  # noqa: E402

matrix = sparse.load_npz(path).tocsr()


def fit(part: sparse.csr_matrix) -> None:
    model = AlternatingLeastSquares(
        factors=factors, iterations=iterations, num_threads=threads, use_gpu=False, random_state=7
    )
    model.fit(part, show_progress=False)


fit(matrix[:100])  # what is compiled or loaded once
begun = time.perf_counter()
fit(matrix)
seconds = time.perf_counter() - begun
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"seconds": seconds, "peak": peak, "nnz": matrix.nnz, "shape": matrix.shape}))
