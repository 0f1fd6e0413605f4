"""The life of one managed call: its start, its end, and all that can happen between the two."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from bot.lease import HoldError, SharedLease
from bot.user_error import UserError
from bot.voice.transport import EndCause

_log = logging.getLogger(__name__)

CLOSE_LIMIT = 10.0
"""Maximum number of seconds that closing a call may take. After that, closing is cancelled."""
START_CANCELLED = "👋 Stopped joining."


class CallState(StrEnum):
    """The state of a call. ``IDLE`` means that there is no call."""

    IDLE = "idle"
    STARTING = "starting"
    ACTIVE = "active"
    ENDING = "ending"


class StartCancelledError(UserError):
    """The start of a call was cancelled, because somebody does not want the call."""


class ManagedCall(Protocol):
    """The methods of a call that its manager uses."""

    async def check(self) -> None:
        """Check whether the call is possible, before any feature is paused; raises :class:`UserError`."""
        ...

    async def open(self) -> None:
        """Connect. If that is not possible, raises :class:`UserError`, and the manager calls :meth:`close`."""
        ...

    async def wait_lost(self) -> EndCause:
        """Wait until the call can't continue, and return the cause."""
        ...

    async def close(self, cause: EndCause) -> None:
        """End all that the call has started. This also works after a failed or cancelled :meth:`open`."""
        ...


S = TypeVar("S", bound=ManagedCall)


class CallLife(Generic[S]):
    """One call, from the request to start it until it has ended completely. Use it only on the event loop.

    The call ends in a task of its own, because its end may cancel the task that has asked for it.

    Args:
        call: the call.
        place: the place of the call, in which there is no other call; ``None`` if several may be in one place.
        lease: pauses ("holds") the bot's other features while any call is on.
        over: called once when the call is over, or when its start has failed and was undone.
        ended: awaited after the end of a call that was on, with the call and the cause.

    Attributes:
        state: its state; ``IDLE`` before the start and after the end.
    """

    def __init__(
        self,
        call: S,
        place: Hashable,
        lease: SharedLease,
        over: Callable[[CallLife[S]], None],
        ended: Callable[[S, EndCause], Awaitable[None]],
    ) -> None:
        self.call = call
        self.place = place
        self.state = CallState.IDLE
        self._lease = lease
        self._over = over
        self._ended = ended
        self._starting: asyncio.Task[None] | None = None
        self._undoing: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    async def start(self, reason: str) -> None:
        """Check the call, acquire the lease and connect. If a step fails, all earlier steps are undone.

        Raises:
            UserError: a feature could not be paused, or the call could not connect.
        """
        self.state = CallState.STARTING
        starting = self._starting = asyncio.create_task(self._start(reason), name="call start")
        starting.add_done_callback(_note_failure)
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            if starting.cancelled():
                raise StartCancelledError(START_CANCELLED) from None
            raise

    async def _start(self, reason: str) -> None:
        try:
            await self.call.check()
            await self._lease.acquire(self, reason)
            await self.call.open()
        except BaseException as error:
            self._undoing = asyncio.create_task(self._undo_start(), name="call undo")
            await asyncio.shield(self._undoing)
            if isinstance(error, HoldError):
                raise UserError(f"❌ I can't join now: {error}. Try again in a moment.") from error
            raise
        self.state = CallState.ACTIVE
        self._watching = asyncio.create_task(self._watch(), name="call watch")

    async def _undo_start(self) -> None:
        try:
            await self._close(EndCause.FAILURE)
            await self._lease.release(self)
        finally:
            self._starting = self._undoing = None
            self._leave()

    def _leave(self) -> None:
        self.state = CallState.IDLE
        self._over(self)

    async def _watch(self) -> None:
        try:
            cause = await self.call.wait_lost()
        except Exception:
            _log.exception("The call failed")
            cause = EndCause.FAILURE
        self._begin_ending(cause)

    async def end(self, cause: EndCause) -> bool:
        """End the call, or cancel its start, and wait for the end. Returns False if it had ended before."""
        if self.state is CallState.STARTING and self._starting is not None:
            self.state = CallState.ENDING
            self._ending = asyncio.create_task(self._cancel_start(self._starting), name="call cancel")
        self._begin_ending(cause)
        was_on = self._ending is not None
        while (ending := self._ending) is not None:
            await asyncio.shield(ending)
        return was_on

    async def _cancel_start(self, starting: asyncio.Task[None]) -> None:
        starting.cancel()
        await asyncio.wait([starting])
        if self._undoing is not None:
            # The start had failed already. Its task was cancelled while it waited for the undoing.
            await asyncio.wait([self._undoing])
        if self._ending is not asyncio.current_task():
            # The call was lost just after it had begun, so another task ends it.
            return
        self._ending = None
        if self.state is not CallState.IDLE:
            # The start succeeded before it could be cancelled.
            self.state = CallState.ACTIVE
            self._begin_ending(EndCause.COMMAND)

    def _begin_ending(self, cause: EndCause) -> None:
        if self.state is CallState.ACTIVE:
            self.state = CallState.ENDING
            self._ending = asyncio.create_task(self._end(cause), name="call end")

    async def _end(self, cause: EndCause) -> None:
        try:
            if self._watching is not None:
                self._watching.cancel()
                await asyncio.wait([self._watching])
            await self._close(cause)
            await self._lease.release(self)
        finally:
            self._starting = self._watching = self._ending = None
            self._leave()
        try:
            await self._ended(self.call, cause)
        except Exception:
            _log.exception("Could not report the end of the call")

    async def _close(self, cause: EndCause) -> None:
        try:
            async with asyncio.timeout(CLOSE_LIMIT):
                await self.call.close(cause)
        except TimeoutError:
            _log.error("Closing the call took longer than %.0f s and was given up", CLOSE_LIMIT)
        except Exception:
            _log.exception("Closing the call failed")


def _note_failure(starting: asyncio.Task[None]) -> None:
    """Log a failed start, since the caller that waited for it may have been cancelled."""
    if not starting.cancelled() and (error := starting.exception()) is not None:
        _log.info("The call did not start: %s", error)
