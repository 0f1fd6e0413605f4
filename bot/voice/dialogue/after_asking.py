"""Work that nobody waits for, put off until the model was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

Work = Callable[[], None]

LONGEST = 0.1
"""Work is put off for at most this many seconds, in case a model server takes no connection."""


class AfterAsking:
    """Puts work off while a request to the model is being written. Use it only on the event loop.

    The reply waits for that request. Nobody waits for the work, such as the sign that a prompt was accepted.
    """

    def __init__(self) -> None:
        self._waiting: list[Work] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Put work off from now on, until :meth:`asked`, or for :data:`LONGEST` seconds."""
        self._waiting = self._waiting or []
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LONGEST, self.asked)

    def do(self, work: Work) -> None:
        """Do some work now, or after the work that was put off."""
        if self._waiting is None:
            work()
        else:
            self._waiting.append(work)

    def asked(self) -> None:
        """Do the work that was put off: the request was written, or something else happens before it is."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting or (), None
        for work in waiting:
            work()
