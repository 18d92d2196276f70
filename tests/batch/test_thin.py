"""What is published where data is thin."""

import numpy as np
import pytest

from marquee_batch.thin import DEFAULT, POPULARITY, Choice, choose, in_doubt, lead, search


def figures(mean: float, wobble: float, seed: int) -> np.ndarray:
    """Of 100 users: exactly this mean, and this deviation around it."""
    draw = np.random.default_rng(seed).normal(size=100)
    return mean + wobble * (draw - draw.mean()) / draw.std(ddof=1)


def test_a_lead_is_the_paired_difference_in_its_standard_errors():
    better, worse = np.array([0.3, 0.5, 0.1, 0.7]), np.array([0.2, 0.1, 0.2, 0.4])
    apart = np.array([0.1, 0.4, -0.1, 0.3])
    assert lead(better, worse) == pytest.approx(apart.mean() / (apart.std(ddof=1) / 2))
    assert lead(worse, worse) == 0
    assert lead(np.array([0.5]), np.array([0.1])) == 0
    assert lead(np.array([0.5, 0.5]), np.array([0.25, 0.25])) == np.inf


def test_the_default_is_left_for_a_blend_that_beats_it_by_two_standard_errors_alone():
    default, popular = np.full(100, 0.2), np.full(100, 0.1)
    # The difference has a deviation of 0.1, so that a standard error is 0.01.
    near, far = figures(0.219, 0.1, 1), figures(0.221, 0.1, 2)
    assert choose(default, popular, {(1.0, 0.1): near}) == DEFAULT
    assert choose(default, popular, {(1.0, 0.1): near, (4.0, 0.5): far}) == Choice(
        "blend", 4.0, 0.5
    )
    # The best alone is asked, and another regularisation without popularity is no blend.
    assert choose(default, popular, {(4.0, 0.0): far}) == Choice("item_item", 4.0)
    assert choose(default, popular, {}) == DEFAULT


def test_popularity_is_published_unless_the_choice_beats_it_by_one():
    popular = np.full(100, 0.1)
    assert choose(figures(0.109, 0.1, 1), popular, {}) == POPULARITY
    assert choose(figures(0.111, 0.1, 1), popular, {}) == DEFAULT
    # A blend that beats a bad default, and not popularity.
    bad, blend = np.full(100, 0.05), figures(0.105, 0.1, 3)
    assert choose(bad, popular, {(1.0, 2.0): blend}) == POPULARITY


def test_other_regularisations_are_tried_where_there_is_doubt():
    popular = np.full(100, 0.1)
    default, blend = figures(0.2, 0.1, 1), figures(0.15, 0.1, 2)
    assert not in_doubt(default, popular, {(1.0, 0.1): blend})
    assert in_doubt(figures(0.13, 0.1, 1), popular, {(1.0, 0.1): blend})
    assert in_doubt(default, popular, {(1.0, 0.1): default + 0.01})


@pytest.mark.parametrize(
    ("means", "tried", "factor"),
    [
        ({1.0: 0.2}, [1.0], 1.0),
        ({1.0: 0.13, 4.0: 0.12, 0.5: 0.14}, [1.0, 4.0, 0.5], 0.5),
        ({1.0: 0.13, 4.0: 0.16, 16.0: 0.15}, [1.0, 4.0, 16.0], 4.0),
    ],
)
def test_more_regularisation_is_tried_in_doubt_and_less_where_more_is_worse(means, tried, factor):
    default, popular, asked = np.full(100, means[1.0]), np.full(100, 0.1), []

    def measure(asked_for: float):
        asked.append(asked_for)
        return {(asked_for, 0.1): figures(means[asked_for], 0.01, 1)}

    assert search(default, popular, measure).factor == factor
    assert asked == tried
