"""Notifies other parts of the bot when a call has ended."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from bot.voice.call import Call
from bot.voice.transport import EndCause

_log = logging.getLogger(__name__)

EndListener = Callable[[Call[Any], EndCause], Awaitable[None]]
"""Gets each call that has ended, over any transport, and the cause."""


class CallEnds:
    """Passes the end of each call on to all listeners, one after the other."""

    def __init__(self) -> None:
        self._listeners: list[EndListener] = []

    def subscribe(self, listener: EndListener, *, first: bool = False) -> Callable[[], None]:
        """Call ``listener`` at the end of every call. If it raises, the other listeners are still called.

        The returned function ends the subscription.

        Args:
            first: whether this listener comes before all others. When a call has ended, nothing else happens before
                this listener has reached its first ``await``. The others come in the order of their subscription.
        """
        self._listeners.insert(0 if first else len(self._listeners), listener)
        return partial(self._listeners.remove, listener)

    async def __call__(self, call: Call[Any], cause: EndCause) -> None:
        """Pass on that a call has ended."""
        for listener in tuple(self._listeners):
            try:
                await listener(call, cause)
            except Exception:
                _log.exception("The end of a call could not be handled")
