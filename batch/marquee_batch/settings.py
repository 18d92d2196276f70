"""Settings: batch/settings.toml, and what a user's file says over it."""

import dataclasses
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from .errors import BatchError

DEFAULTS = Path(__file__).parent.parent / "settings.toml"


@dataclass(frozen=True)
class Weights:
    rating_zero: float
    rating_star: float
    play: float
    plays_max: int
    watched: float
    completed: float
    liked: float
    listed: float
    shared: float
    look: float
    looks_max: int
    half_life_days: float


@dataclass(frozen=True)
class Seen:
    watched_share: float


@dataclass(frozen=True)
class Holdout:
    share: float
    relevant_rating: float
    relevant_weight: float
    users_max: int


@dataclass(frozen=True)
class Als:
    factors: int
    iterations: int
    alpha: float
    regularisation: float


@dataclass(frozen=True)
class ItemItem:
    regularisation: float
    dense_movies_max: int
    neighbours: int
    neighbour_regularisation: float
    sign: str


@dataclass(frozen=True)
class Next:
    movies: int
    gaps_max: int
    gap_half_life: float
    decay_days: float
    damping: float
    from_power: float
    to_power: float


@dataclass(frozen=True)
class Order:
    boost: float
    boost_half_life: float
    fade_hours: float
    next_share: float
    next_actions: int
    next_half_life: float


@dataclass(frozen=True)
class Ratings:
    user_damping: float
    movie_damping: float
    factors: int
    iterations: int
    regularisation: float


@dataclass(frozen=True)
class Blend:
    als: float


@dataclass(frozen=True)
class Lists:
    length: int
    ranker: str


@dataclass(frozen=True)
class Gate:
    popularity_ratio: float
    active_margin: float
    coverage_min: float


@dataclass(frozen=True)
class Keep:
    versions: int
    snapshots: int


@dataclass(frozen=True)
class Settings:
    weights: Weights
    seen: Seen
    holdout: Holdout
    als: Als
    item_item: ItemItem
    next: Next
    order: Order
    ratings: Ratings
    blend: Blend
    lists: Lists
    gate: Gate
    keep: Keep

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


AT_LEAST_ONE = {
    "factors", "iterations", "dense_movies_max", "neighbours", "length", "users_max", "versions",
    "snapshots", "movies", "gaps_max",
}  # fmt: skip
ABOVE_ZERO = {
    "user_damping", "movie_damping", "regularisation", "neighbour_regularisation", "gap_half_life",
    "decay_days", "damping", "boost_half_life", "fade_hours", "next_half_life",
}  # fmt: skip
CHOICES = {
    "sign": ("both", "positive"),
    "ranker": ("blend", "item_item", "neighbours", "als", "popularity"),
}


def load_settings(path: Path | None = None, changes: tuple[str, ...] = ()) -> Settings:
    """The defaults, over them a file's values, over them `section.name=value`.

    Raises BatchError MARQUEE_BATCH_SETTINGS that lists every wrong value with its place.
    """
    tree = tomllib.loads(DEFAULTS.read_text())
    if path is not None:
        overlay(tree, read_file(path))
    for change in changes:
        overlay(tree, parse_change(change))
    problems: list[str] = []
    sections = {
        name: parse_section(name, kind, tree.pop(name), problems)
        for name, kind in get_type_hints(Settings).items()
    }
    problems += [f"{name}: there is no such section" for name in tree]
    if problems:
        raise BatchError(
            "MARQUEE_BATCH_SETTINGS", f"settings of the batch stage: {'; '.join(problems)}"
        )
    return Settings(**sections)


def read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BatchError("MARQUEE_BATCH_SETTINGS", f"{path}: {error}") from error


def parse_change(change: str) -> dict[str, Any]:
    place, equals, value = change.partition("=")
    section, dot, name = place.partition(".")
    if not (equals and dot):
        raise BatchError("MARQUEE_BATCH_SETTINGS", f"{change}: wanted is section.name=value")
    try:
        return tomllib.loads(f"[{section}]\n{name} = {value}")
    except tomllib.TOMLDecodeError:
        return {section: {name: value}}


def overlay(tree: dict[str, Any], changes: dict[str, Any]) -> None:
    for section, values in changes.items():
        if isinstance(values, dict) and isinstance(tree.get(section), dict):
            tree[section].update(values)
        else:
            tree[section] = values


def parse_section(section: str, kind: type, values: Any, problems: list[str]) -> Any:
    if not isinstance(values, dict):
        problems.append(f"{section}: wanted is a table, [{section}]")
        return None
    types = get_type_hints(kind)
    problems += [
        f"{section}.{name}: there is no such setting" for name in values if name not in types
    ]
    parsed = {}
    for name, wanted in types.items():
        value = values.get(name)
        problem = problem_of(name, wanted, value)
        if problem is not None:
            problems.append(f"{section}.{name} = {value!r}: wanted is {problem}")
        parsed[name] = float(value) if wanted is float and problem is None else value
    return kind(**parsed)


def problem_of(name: str, wanted: type, value: Any) -> str | None:
    """What was wanted instead, or None."""
    if name in CHOICES:
        return None if value in CHOICES[name] else " or ".join(CHOICES[name])
    least = 1 if name in AT_LEAST_ONE else 0
    if wanted is int and not (type(value) is int and value >= least):
        return f"a whole number from {least} on"
    if wanted is float and not (type(value) in (int, float) and 0 <= value < float("inf")):
        return "a number from 0 on"
    if name in ABOVE_ZERO and value == 0:
        return "a number above 0"
    if name == "share" and not 0 < value < 1:
        return "a share between 0 and 1"
    return None
