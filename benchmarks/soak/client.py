"""What the soak asks of its clients, whichever way they talk with the bot."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from benchmarks.soak.heard import HeardSound
from sandbox.voice.opus import Sound


class CallLostError(Exception):
    """The call has ended without the client's doing. The text says how."""


class ClientCall(Protocol):
    """A client's call with the bot."""

    async def say(self, words: Sound) -> float:
        """Say words (48,000 Hz mono). Returns the time at which the last voiced sample was sent, in monotonic seconds.

        Raises:
            CallLostError: the call has ended.
        """
        ...

    def check(self) -> None:
        """Record the bot's packets since the last check, if they are not recorded as they arrive.

        Raises:
            CallLostError: the call has ended.
        """
        ...


class Client(Protocol):
    """A client. It may have one call after another."""

    @property
    def heard(self) -> HeardSound:
        """What the client has heard in all its calls."""
        ...

    def call(self) -> AbstractAsyncContextManager[ClientCall]:
        """Begin a call. The end of the context ends the call.

        Raises:
            MeasurementError: the bot did not begin the call.
        """
        ...
