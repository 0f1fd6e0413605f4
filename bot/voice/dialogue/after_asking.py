"""While a request to the model is being written, puts off work for which nobody waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

Work = Callable[[], None]

MAX_DELAY = 0.1
"""Work is put off for at most this many seconds, in case a model server takes no connection."""


class AfterAsking:
    """Puts work off while a request to the model is being written. Use it only on the event loop.

    The reply has to wait for that request. Nobody waits for the other work, for example for the sign that a prompt was
    accepted.
    """

    def __init__(self) -> None:
        self._waiting: list[Work] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Put work off from now on, until :meth:`catch_up`, or for :data:`MAX_DELAY` seconds."""
        self._waiting = self._waiting or []
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(MAX_DELAY, self.catch_up)

    def do(self, work: Work) -> None:
        """Do some work: now, or in its turn if work is being put off."""
        if self._waiting is None:
            work()
        else:
            self._waiting.append(work)

    def catch_up(self) -> None:
        """Do the work that was put off. Call it when the request was written, or when something else comes first."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting or (), None
        for work in waiting:
            work()
