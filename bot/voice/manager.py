"""The only owner of "a call is on": one session at a time, with the lease on the graphics cards while it lasts."""

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
"""Seconds that a session may take to close before it is given up."""


class CallState(StrEnum):
    """Where the one possible call stands."""

    IDLE = "idle"
    STARTING = "starting"
    ACTIVE = "active"
    ENDING = "ending"


ALREADY_IN_SESSION = "❌ Already in a voice session! Use `{prefix}leave` first."
START_CANCELLED = "👋 Stopped joining."


class Session(Protocol):
    """What the manager needs of a live call."""

    async def check(self) -> None:
        """See whether the call can be had, before anything is held; raises :class:`UserError`."""
        ...

    async def open(self) -> None:
        """Connect; raises :class:`UserError` where that is not possible, and then leaves nothing behind."""
        ...

    async def wait_lost(self) -> EndCause:
        """Return when the call can't go on by itself."""
        ...

    async def close(self, cause: EndCause) -> None:
        """End everything the session started; also after :meth:`open` was cancelled half-way."""
        ...


S = TypeVar("S", bound=Session)


@dataclass(frozen=True, slots=True)
class CallStatus(Generic[S]):
    """What ``!voice-status`` shows of the lease."""

    state: CallState
    session: S | None
    held: tuple[str, ...]
    stuck: tuple[str, ...]


class VoiceSessionManager(Generic[S]):
    """Starts and ends sessions; starting while another lives is refused at once, never queued.

    Endings are run by a task of the manager's own, never by one that they cancel. All methods belong to the event loop.

    Args:
        prefix: what commands begin with.
    """

    def __init__(self, lease: Lease, ended: Callable[[S, EndCause], Awaitable[None]], *, prefix: str = "!") -> None:
        self._prefix = prefix
        self._lease = lease
        self._ended = ended
        self._state = CallState.IDLE
        self._session: S | None = None
        self._starting: asyncio.Task[S] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    @property
    def session(self) -> S | None:
        """The session that can be spoken to now."""
        return self._session if self._state is CallState.ACTIVE else None

    @property
    def occupant(self) -> S | None:
        """The one session there is, from the moment that it is asked for until everything of it has ended."""
        return self._session

    async def free(self, feature: str) -> bool:
        """See :meth:`bot.lease.Lease.free`."""
        return await self._lease.free(feature)

    def status(self) -> CallStatus[S]:
        """A snapshot for ``!voice-status``."""
        return CallStatus(self._state, self.session, self._lease.held, self._lease.stuck)

    def require_idle(self) -> None:
        """See that there is no session, so that none is built in vain.

        Raises:
            UserError: there is one, or one begins or ends.
        """
        if self._state is not CallState.IDLE:
            raise UserError(ALREADY_IN_SESSION.format(prefix=self._prefix))

    async def start_session(self, session: S, *, reason: str) -> S:
        """Check, take the lease, then connect; when any step fails, all that was held is released and nothing is left.

        Raises:
            UserError: another session lives, a feature would not be held, or the session could not connect.
        """
        self.require_idle()
        self._state = CallState.STARTING
        self._session = session
        self._starting = asyncio.create_task(self._start(session, reason), name="voice session start")
        self._starting.add_done_callback(_note_failure)
        try:
            return await asyncio.shield(self._starting)
        except asyncio.CancelledError:
            if self._starting is not None and self._starting.cancelled():
                raise UserError(START_CANCELLED) from None
            raise

    async def _start(self, session: S, reason: str) -> S:
        try:
            await session.check()
            await self._lease.acquire(reason)
            await session.open()
        except BaseException as error:
            await asyncio.shield(self._undo_start(session))
            if isinstance(error, HoldError):
                raise UserError(f"❌ I can't join now: {error}. Try again in a moment.") from error
            raise
        self._state = CallState.ACTIVE
        self._watching = asyncio.create_task(self._watch(session), name="voice session watch")
        return session

    async def _undo_start(self, session: S) -> None:
        try:
            await self._close(session, EndCause.FAILURE)
            await self._lease.release()
        finally:
            self._session = None
            self._state = CallState.IDLE

    async def _watch(self, session: S) -> None:
        try:
            cause = await session.wait_lost()
        except Exception:
            _log.exception("The voice session failed")
            cause = EndCause.FAILURE
        self._begin_ending(cause)

    async def end_session(self, cause: EndCause = EndCause.COMMAND) -> bool:
        """End the call, or cancel its start; returns when everything is released. False when there was none."""
        if self._state is CallState.STARTING and self._starting is not None:
            self._state = CallState.ENDING
            cancelling = self._cancel_start(self._starting, self._session)
            self._ending = asyncio.create_task(cancelling, name="voice session cancel")
        if self._state is CallState.ACTIVE:
            self._begin_ending(cause)
        was_on = self._ending is not None
        while (ending := self._ending) is not None:
            await asyncio.shield(ending)
        return was_on

    async def _cancel_start(self, starting: asyncio.Task[S], session: S | None) -> None:
        starting.cancel()
        await asyncio.wait([starting])
        if self._ending is not asyncio.current_task():
            return
        self._ending = None
        if session is not None and self._session is session:
            # The start had succeeded before it could be cancelled.
            self._state = CallState.ACTIVE
            self._begin_ending(EndCause.COMMAND)

    def _begin_ending(self, cause: EndCause) -> None:
        if self._state is CallState.ACTIVE and self._session is not None:
            self._state = CallState.ENDING
            self._ending = asyncio.create_task(self._end(self._session, cause), name="voice session end")

    async def _end(self, session: S, cause: EndCause) -> None:
        try:
            if self._watching is not None:
                self._watching.cancel()
                await asyncio.wait([self._watching])
            await self._close(session, cause)
            await self._lease.release()
        finally:
            self._session = self._watching = self._ending = None
            self._state = CallState.IDLE
        try:
            await self._ended(session, cause)
        except Exception:
            _log.exception("Could not report the end of the call")

    async def _close(self, session: S, cause: EndCause) -> None:
        try:
            async with asyncio.timeout(CLOSE_LIMIT):
                await session.close(cause)
        except TimeoutError:
            _log.error("Closing the voice session took longer than %.0f s and was given up", CLOSE_LIMIT)
        except Exception:
            _log.exception("Closing the voice session failed")

    async def close(self) -> None:
        """End any call; for the end of the process."""
        await self.end_session(EndCause.SHUTDOWN)
        await self._lease.close()


def _note_failure(starting: asyncio.Task[S]) -> None:
    """Whoever asked for the call may have given up meanwhile, and then nobody else looks."""
    if not starting.cancelled() and (error := starting.exception()) is not None:
        _log.info("The call did not start: %s", error)
