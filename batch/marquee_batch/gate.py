"""Whether a new model may take the place of the active one. Pure."""

from .settings import Gate


def verdict(
    metrics: dict[str, float],
    popularity: dict[str, float],
    active_ndcg: float | None,
    gate: Gate,
) -> str | None:
    """Why it is rejected, or None: it is promoted."""
    if not metrics:
        return "nobody could be judged: no user has a held-out movie that they liked"
    ndcg, floor = metrics["ndcg_at_10"], popularity["ndcg_at_10"] * gate.popularity_ratio
    if ndcg < floor or ndcg == 0:
        return f"NDCG@10 {ndcg:.4f} is below popularity's ({floor:.4f})"
    if active_ndcg is not None and ndcg < active_ndcg * (1 - gate.active_margin):
        return (
            f"NDCG@10 {ndcg:.4f} is more than {gate.active_margin:.0%} below the active model's "
            f"({active_ndcg:.4f})"
        )
    if metrics["coverage_at_10"] < gate.coverage_min:
        return f"coverage@10 {metrics['coverage_at_10']:.4f} is below {gate.coverage_min}"
    return None
