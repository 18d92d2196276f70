"""Whether a new model may take the place of the active one. Pure."""

from dataclasses import dataclass

from .settings import Gate
from .thin import POPULARITY, Choice


@dataclass(frozen=True)
class Serving:
    """The version that serves."""

    version: str
    ndcg: float | None
    kind: str | None


@dataclass(frozen=True)
class Decision:
    """What is published, and why that or nothing is."""

    rejected: bool
    choice: Choice
    reason: str | None = None


def decide(
    choice: Choice,
    metrics: dict[str, dict[str, float]],
    chosen: dict[str, float],
    serving: Serving | None,
    gate: Gate,
) -> Decision:
    """Lets the choice pass or rejects it. Where no better model serves, popularity is published in
    its stead: so there are always lists."""
    reason = verdict(choice, metrics, chosen, serving.ndcg if serving else None, gate)
    if reason is None:
        return Decision(False, choice)
    if serving is None or serving.kind == "popularity":
        return Decision(False, POPULARITY, f"{reason}: popularity is published instead")
    return Decision(True, choice, reason)


def verdict(
    choice: Choice,
    metrics: dict[str, dict[str, float]],
    chosen: dict[str, float],
    active_ndcg: float | None,
    gate: Gate,
) -> str | None:
    """Why it is rejected, or None: it is promoted. `metrics` by what lists were ranked by; `chosen`
    those of the lists themselves."""
    if not chosen:
        return "nobody could be judged: no user has a held-out movie that they liked"
    ndcg, popular = chosen["ndcg_at_10"], metrics["popularity"]["ndcg_at_10"]
    if choice.kind != "popularity":
        floor = popular * gate.popularity_ratio
        if ndcg < floor or ndcg == 0:
            return f"NDCG@10 {ndcg:.4f} is below popularity's ({floor:.4f})"
        live = metrics["live"]["ndcg_at_10"]
        if live < floor:
            return f"NDCG@10 of live lists, {live:.4f}, is below popularity's ({floor:.4f})"
        if chosen["coverage_at_10"] < gate.coverage_min:
            return f"coverage@10 {chosen['coverage_at_10']:.4f} is below {gate.coverage_min}"
    if active_ndcg is not None and ndcg < active_ndcg * (1 - gate.active_margin):
        return (
            f"NDCG@10 {ndcg:.4f} is more than {gate.active_margin:.0%} below the active model's "
            f"({active_ndcg:.4f})"
        )
    return None
