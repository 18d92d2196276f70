"""What a run is asked for."""

from dataclasses import dataclass

from .settings import Settings


@dataclass(frozen=True)
class Options:
    settings: Settings
    seed: int
    master: str
    memory: str
    conf: dict[str, str]
    skip_corrupt: bool
    promote: bool
    postgres: str
    code: str  # version of the code, for metadata.json
    late_ms: int  # what was received later than this after it happened is left out
    keep: str | None  # folder that gets the matrix of weights, for a benchmark
