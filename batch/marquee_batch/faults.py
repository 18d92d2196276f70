"""Places at which a fault test ends the process."""

import os
import signal


def failpoint(name: str) -> None:
    if os.environ.get("MARQUEE_BATCH_FAILPOINT") == name:
        os.kill(os.getpid(), signal.SIGKILL)
