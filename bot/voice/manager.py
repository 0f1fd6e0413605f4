"""The call manager: starts and ends calls, one at a time. During a call, a lease pauses the bot's other features."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from bot.lease import HoldError, Lease
from bot.user_error import UserError
from bot.voice.transport import EndCause

_log = logging.getLogger(__name__)

CLOSE_LIMIT = 10.0
"""Maximum number of seconds that closing a call may take. After that, closing is cancelled."""


class CallState(StrEnum):
    """The state of the call. There is at most one call."""

    IDLE = "idle"
    STARTING = "starting"
    ACTIVE = "active"
    ENDING = "ending"


ALREADY_IN_CALL = "❌ Already in a voice session! Use `{prefix}leave` first."
START_CANCELLED = "👋 Stopped joining."


class StartCancelledError(UserError):
    """The start of a call was cancelled, because somebody does not want the call."""


class ManagedCall(Protocol):
    """The methods of a call that the manager uses."""

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


@dataclass(frozen=True, slots=True)
class CallStatus(Generic[S]):
    """The state of the call and the lease, as ``!voice-status`` shows it.

    Attributes:
        call: the active call, if there is one.
        held: names of the features that the lease has paused.
        stuck: names of the features that could not be resumed after a call.
    """

    state: CallState
    call: S | None
    held: tuple[str, ...]
    stuck: tuple[str, ...]


class CallManager(Generic[S]):
    """Starts and ends calls. Use it only on the event loop.

    While there is a call, :meth:`start` refuses another one. The manager ends a call in a task of its own, because the
    end of the call may cancel the task that has asked for it.

    Args:
        lease: pauses ("holds") the bot's other features during a call, and resumes ("releases") them after it.
        ended: called after the end of a call, with the call and the cause.
        prefix: the prefix of text commands.
    """

    def __init__(self, lease: Lease, ended: Callable[[S, EndCause], Awaitable[None]], *, prefix: str = "!") -> None:
        self._prefix = prefix
        self._lease = lease
        self._ended = ended
        self._state = CallState.IDLE
        self._call: S | None = None
        self._starting: asyncio.Task[S] | None = None
        self._undoing: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    @property
    def active(self) -> S | None:
        """The active call; ``None`` if there is none, or if it is starting or ending."""
        return self._call if self._state is CallState.ACTIVE else None

    @property
    def occupant(self) -> S | None:
        """The call in any state, from the request to start it until it has ended completely."""
        return self._call

    async def free(self, feature: str) -> bool:
        """Resume a feature that the lease could not resume; see :meth:`bot.lease.Lease.free`."""
        return await self._lease.free(feature)

    def status(self) -> CallStatus[S]:
        """The current state of call and lease."""
        return CallStatus(self._state, self.active, self._lease.held, self._lease.stuck)

    def require_idle(self) -> None:
        """Check that there is no call, before a caller builds one.

        Raises:
            UserError: a call is active, starting or ending.
        """
        if self._state is not CallState.IDLE:
            raise UserError(ALREADY_IN_CALL.format(prefix=self._prefix))

    async def start(self, call: S, *, reason: str) -> S:
        """Check the call, acquire the lease and connect. If a step fails, all earlier steps are undone.

        Raises:
            UserError: there is another call, a feature could not be paused, or the call could not connect.
        """
        self.require_idle()
        self._state = CallState.STARTING
        self._call = call
        starting = self._starting = asyncio.create_task(self._start(call, reason), name="call start")
        starting.add_done_callback(_note_failure)
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            if starting.cancelled():
                raise StartCancelledError(START_CANCELLED) from None
            raise

    async def _start(self, call: S, reason: str) -> S:
        try:
            await call.check()
            await self._lease.acquire(reason)
            await call.open()
        except BaseException as error:
            self._undoing = asyncio.create_task(self._undo_start(call), name="call undo")
            await asyncio.shield(self._undoing)
            if isinstance(error, HoldError):
                raise UserError(f"❌ I can't join now: {error}. Try again in a moment.") from error
            raise
        self._state = CallState.ACTIVE
        self._watching = asyncio.create_task(self._watch(call), name="call watch")
        return call

    async def _undo_start(self, call: S) -> None:
        try:
            await self._close(call, EndCause.FAILURE)
            await self._lease.release()
        finally:
            self._call = self._starting = self._undoing = None
            self._state = CallState.IDLE

    async def _watch(self, call: S) -> None:
        try:
            cause = await call.wait_lost()
        except Exception:
            _log.exception("The call failed")
            cause = EndCause.FAILURE
        self._begin_ending(cause)

    async def end(self, cause: EndCause = EndCause.COMMAND) -> bool:
        """End the call, or cancel its start, and wait for the end. Returns False if there was no call."""
        if self._state is CallState.STARTING and self._starting is not None:
            self._state = CallState.ENDING
            cancelling = self._cancel_start(self._starting, self._call)
            self._ending = asyncio.create_task(cancelling, name="call cancel")
        if self._state is CallState.ACTIVE:
            self._begin_ending(cause)
        was_on = self._ending is not None
        while (ending := self._ending) is not None:
            await asyncio.shield(ending)
        return was_on

    async def _cancel_start(self, starting: asyncio.Task[S], call: S | None) -> None:
        starting.cancel()
        await asyncio.wait([starting])
        if self._undoing is not None:
            # The start had failed already, and its task was cancelled while it waited for this.
            await asyncio.wait([self._undoing])
        if self._ending is not asyncio.current_task():
            return
        self._ending = None
        if call is not None and self._call is call:
            # The start succeeded before it could be cancelled.
            self._state = CallState.ACTIVE
            self._begin_ending(EndCause.COMMAND)

    def _begin_ending(self, cause: EndCause) -> None:
        if self._state is CallState.ACTIVE and self._call is not None:
            self._state = CallState.ENDING
            self._ending = asyncio.create_task(self._end(self._call, cause), name="call end")

    async def _end(self, call: S, cause: EndCause) -> None:
        try:
            if self._watching is not None:
                self._watching.cancel()
                await asyncio.wait([self._watching])
            await self._close(call, cause)
            await self._lease.release()
        finally:
            # The task of the start would keep the call in memory, which is its result.
            self._call = self._starting = self._watching = self._ending = None
            self._state = CallState.IDLE
        try:
            await self._ended(call, cause)
        except Exception:
            _log.exception("Could not report the end of the call")

    async def _close(self, call: S, cause: EndCause) -> None:
        try:
            async with asyncio.timeout(CLOSE_LIMIT):
                await call.close(cause)
        except TimeoutError:
            _log.error("Closing the call took longer than %.0f s and was given up", CLOSE_LIMIT)
        except Exception:
            _log.exception("Closing the call failed")

    async def close(self) -> None:
        """End the call, if there is one, and close the lease. Called at the end of the process."""
        await self.end(EndCause.SHUTDOWN)
        await self._lease.close()


def _note_failure(starting: asyncio.Task[S]) -> None:
    """Log a failed start, since the caller that waited for it may have been cancelled."""
    if not starting.cancelled() and (error := starting.exception()) is not None:
        _log.info("The call did not start: %s", error)
