"""What a run is judged by -> the columns of model_performance_logs. Pure."""

from dataclasses import dataclass, field

from .beyond import NAMES
from .thin import POPULARITY, Choice

Metrics = dict[str, float]

LISTS = ("ndcg_at_10", "recall_at_10", "recall_at_50", "coverage_at_10")
ALL_LISTS = ("gini_at_10", "head_share_at_10", "top_1_share")


@dataclass(frozen=True)
class Judged:
    """Figures by what lists were ranked by; none where nobody could be judged."""

    ratings: Metrics
    choice: Choice = POPULARITY
    users: int = 0
    metrics: dict[str, Metrics] = field(default_factory=dict)
    #: At places within a visit, and back after a pause: NDCG@10 of live lists and of others.
    places: dict[str, Metrics] = field(default_factory=dict)

    def of(self, ranker: str, choice: Choice) -> Metrics:
        """Of the nightly lists: `ranker` is that of the settings."""
        if choice.kind == "popularity":
            return self.metrics.get("popularity", {})
        return self.metrics.get("chosen") or self.metrics.get(ranker, {})


def figures_of(judged: Judged, ranker: str, choice: Choice) -> dict[str, float | str | None]:
    """Of what is published by a choice; what nothing could be said of is null."""
    popular = judged.metrics.get("popularity", {})
    chosen = judged.of(ranker, choice)
    ordered = "popularity" if choice.kind == "popularity" else "live"
    unordered = "popularity" if choice.kind == "popularity" else "unordered"
    figures: dict[str, float | str | None] = {
        "kind": choice.kind,
        "popularity_share": choice.share,
        "live_ndcg_at_10": judged.metrics.get(ordered, {}).get("ndcg_at_10"),
        **{f"popularity_{name}": popular.get(name) for name in LISTS},
        **{name: chosen.get(name) for name in (*LISTS, "hit_rate_at_10")},
        **{name: chosen.get(name) for name in (*NAMES, *ALL_LISTS)},
        **judged.ratings,
    }
    for place, found in judged.places.items():
        figures[f"{place}_users"] = found["users"]
        figures[f"{place}_ndcg_at_10"] = found.get(ordered)
        figures[f"{place}_unordered_ndcg_at_10"] = found.get(unordered)
        figures[f"{place}_popularity_ndcg_at_10"] = found.get("popularity")
    return figures
