"""Vectors for movies that nobody did anything with: predicted from metadata, in the space of the
trained ones (attribute-to-feature mapping: Gantner et al., "Learning Attribute-to-Feature Mappings
for Cold-Start Recommendations", ICDM 2010). Pure numpy.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy import sparse

TAGS_MAX = 500
RIDGE = 10.0


def features(movies: Sequence[tuple]) -> sparse.csr_matrix:
    """Rows of genres, frequent tags and decade, 1 where it applies. movies: (id, genres, tags,
    year, ...)."""
    tags = Counter(tag.lower() for _, _, names, *_ in movies for tag in set(names))
    frequent = [tag for tag, n in sorted(tags.items(), key=lambda t: (-t[1], t[0])) if n > 1][
        :TAGS_MAX
    ]
    names: dict[str, int] = {
        "constant": 0,
        **{f"tag {tag}": i for i, tag in enumerate(frequent, 1)},
    }
    rows, columns = [], []
    for row, (_, genres, own, year, *_) in enumerate(movies):
        found = {"constant", *(f"genre {genre}" for genre in genres)}
        found |= {f"tag {tag.lower()}" for tag in own if f"tag {tag.lower()}" in names}
        if year is not None:
            found.add(f"decade {year // 10}")
        for name in sorted(found):
            columns.append(names.setdefault(name, len(names)))
            rows.append(row)
    ones = np.ones(len(rows))
    return sparse.csr_matrix((ones, (rows, columns)), shape=(len(movies), len(names)))


def predict(
    known: sparse.csr_matrix, factors: np.ndarray, support: np.ndarray, unknown: sparse.csr_matrix
) -> np.ndarray:
    """Factors of movies without actions: ridge regression from features, each known movie weighing
    by the square root of its users. Shapes: known n x f, factors n x k, support n, unknown m x f ->
    m x k."""
    weight = sparse.diags(np.sqrt(support))
    weighted = weight @ known
    left = (weighted.T @ weighted).toarray()
    left[np.diag_indices(len(left))] += RIDGE
    right = weighted.T @ (weight @ factors)
    return (unknown @ np.linalg.solve(left, right)).astype(np.float32)
