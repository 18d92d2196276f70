"""Places at which a fault test ends the process."""

import os
import signal


def failpoint(name: str) -> None:
    """MARQUEE_BATCH_FAILPOINT is a place, or `place=stop` for a SIGTERM instead of a SIGKILL."""
    place, _, kind = os.environ.get("MARQUEE_BATCH_FAILPOINT", "").partition("=")
    if place == name:
        os.kill(os.getpid(), signal.SIGTERM if kind == "stop" else signal.SIGKILL)
