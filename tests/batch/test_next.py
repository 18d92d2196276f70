"""What comes next, against a loop over every pair of places."""

import random

import numpy as np

from make import DAY_MS, SETTINGS, dataset
from marquee_batch import next_table
from marquee_batch.next_table import as_matrix, next_block, sequences


def by_hand(data, held_out: float, settings, kept: int) -> np.ndarray:
    count = len(data.movie_ids)
    total, users = np.zeros((count, count)), np.zeros(count)
    for user, stop in enumerate(data.train_ends(held_out)):
        own = range(data.indptr[user], stop)
        for i in own:
            users[data.movies[i]] += 1
            for j in own:
                gap = j - i
                if not 1 <= gap <= settings.gaps_max:
                    continue
                days = (data.times[j] - data.times[i]) / DAY_MS
                total[data.movies[i], data.movies[j]] += 0.5 ** (
                    (gap - 1) / settings.gap_half_life
                ) * np.exp(-days / settings.decay_days)
    damped = users + settings.damping
    total /= damped[:, np.newaxis] ** settings.from_power * damped**settings.to_power
    for row in total:
        row[np.argsort(-row, kind="stable")[kept:]] = 0
    return total


def test_it_is_the_sum_over_every_two_places_of_a_sequence(monkeypatch):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = np.random.default_rng(seed)
    rows = [
        [(int(m), 4.0) for m in chance.permutation(30)[: chance.integers(1, 25)]] for _ in range(40)
    ]
    data = dataset(rows)
    data.times[:] = np.sort(chance.integers(0, 9 * DAY_MS, len(data.times)))
    settings = SETTINGS.next.__class__(
        **{**SETTINGS.next.__dict__, "gaps_max": 7, "gap_half_life": 3.0, "movies": 5}
    )
    # Few at a time: the parts must add up.
    monkeypatch.setattr(next_table, "ENTRIES_AT_ONCE", 40)
    monkeypatch.setattr(next_table, "PAIRS_AT_ONCE", 11)
    for held_out in (0.0, 0.2):
        found = sequences(data, held_out)
        count = len(data.movie_ids)
        parts = [next_block(found, s, min(s + 4, count), settings) for s in range(0, count, 4)]
        np.testing.assert_allclose(
            as_matrix(parts, count).toarray(), by_hand(data, held_out, settings, 5), rtol=1e-5
        )


def test_what_lies_apart_counts_less_and_nothing_crosses_users():
    data = dataset([[(1, 4.0), (2, 4.0), (3, 4.0)], [(4, 4.0)]])
    found = as_matrix([next_block(sequences(data, 0.0), 0, 4, SETTINGS.next)], 4).toarray()
    assert found[0, 1] > found[0, 2] > 0
    assert not found[3].any()
    assert not np.tril(found).any()
