"""How long to wait before what failed is tried again."""

from __future__ import annotations

from time import monotonic

AGAIN_FIRST_S, AGAIN_MAX_S = 0.05, 2.0


class Tries:
    """The first further try is made at once, the next after 0.05 s, then after twice as long each time, up to
    2 s; from the beginning again after one that lasted longer than that."""

    def __init__(self) -> None:
        self.failures = 0  # in a row, of those that ended at once
        self._pause = 0.0
        self._begun = 0.0

    def begin(self) -> None:
        self._begun = monotonic()

    def failed(self) -> float:
        """Ends the one that was begun; in how many seconds to begin the next."""
        if monotonic() - self._begun > AGAIN_MAX_S:
            self.failures = 0
            self._pause = 0.0
        self.failures += 1
        pause = self._pause
        self._pause = min(AGAIN_MAX_S, max(AGAIN_FIRST_S, 2 * pause))
        return pause
