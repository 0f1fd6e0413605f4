"""The call manager: starts and ends all calls. During calls, a lease pauses the bot's other features."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic

from bot.lease import Lease, SharedLease
from bot.user_error import UserError
from bot.voice.call_life import CallLife, CallState, S
from bot.voice.transport import EndCause

ALREADY_IN_CALL = "❌ Already in a voice session! Use `{prefix}leave` first."
ALL_TAKEN = "❌ I'm in {count} calls already, and can't hold more at once. Ask me again when one of them is over."


@dataclass(frozen=True, slots=True)
class CallStatus(Generic[S]):
    """The state of the calls and the lease, as ``!voice-status`` shows it.

    Attributes:
        state: ``ACTIVE`` if any call is active. Otherwise the state of the call that has been on for longest; ``IDLE``
            if there is none.
        calls: the active calls, the one that has been on for longest first.
        count: number of calls in any state.
        held: names of the features that the lease has paused.
        stuck: names of the features that could not be resumed after a call.
    """

    state: CallState
    calls: tuple[S, ...]
    count: int
    held: tuple[str, ...]
    stuck: tuple[str, ...]


class CallManager(Generic[S]):
    """Starts and ends calls, and is the only owner of all of them. Use it only on the event loop.

    At most ``max_calls`` calls are on at once, and at most one in each place. Calls that are starting or ending count
    too.

    Args:
        lease: pauses ("holds") the bot's other features while any call is on, and resumes ("releases") them after the
            last one.
        ended: called after the end of a call, with the call and the cause.
        prefix: the prefix of text commands.
        max_calls: number of calls at once, at least 1.
    """

    def __init__(
        self,
        lease: Lease,
        ended: Callable[[S, EndCause], Awaitable[None]],
        *,
        prefix: str = "!",
        max_calls: int = 1,
    ) -> None:
        self.max_calls = max_calls
        self._prefix = prefix
        self._lease = lease
        self._shared = SharedLease(lease)
        self._ended = ended
        self._lives: list[CallLife[S]] = []
        self._room = asyncio.Event()
        self._room.set()

    @property
    def calls(self) -> tuple[S, ...]:
        """The active calls, the one that has been on for longest first. Calls that are starting or ending are left
        out."""
        return tuple(life.call for life in self._lives if life.state is CallState.ACTIVE)

    @property
    def occupants(self) -> tuple[S, ...]:
        """The calls in any state, from the request to start a call until it has ended completely."""
        return tuple(life.call for life in self._lives)

    @property
    def full(self) -> bool:
        """Whether no further call can begin."""
        return len(self._lives) >= self.max_calls

    @property
    def ending(self) -> bool:
        """Whether a call is ending."""
        return any(life.state is CallState.ENDING for life in self._lives)

    async def wait_for_room(self) -> None:
        """Wait until a further call can begin. Another call may have begun by the time the waiter goes on."""
        await self._room.wait()

    def is_active(self, call: S) -> bool:
        """Whether a call is active."""
        return any(life.call is call and life.state is CallState.ACTIVE for life in self._lives)

    def occupies(self, call: S) -> bool:
        """Whether a call is on in any state."""
        return self._life(call) is not None

    async def free(self, feature: str) -> bool:
        """Resume a feature that the lease could not resume; see :meth:`bot.lease.Lease.free`."""
        return await self._lease.free(feature)

    def status(self) -> CallStatus[S]:
        """The current state of calls and lease."""
        calls, states = self.calls, [life.state for life in self._lives]
        state = CallState.ACTIVE if calls else next(iter(states), CallState.IDLE)
        return CallStatus(state, calls, len(states), self._lease.held, self._lease.stuck)

    def require_room(self, place: Hashable = None) -> None:
        """Check that a call can begin in a place. Use it before the call is built.

        Args:
            place: the place; ``None`` for calls of which several may be in one place.

        Raises:
            UserError: there is a call in this place, or there can be no more calls.
        """
        taken = place is not None and any(life.place == place for life in self._lives)
        if taken or (self.full and self.max_calls == 1):
            raise UserError(ALREADY_IN_CALL.format(prefix=self._prefix))
        if self.full:
            raise UserError(ALL_TAKEN.format(count=len(self._lives)))

    async def start(self, call: S, *, reason: str, place: Hashable = None) -> S:
        """Check the call, acquire the lease and connect. If a step fails, all earlier steps are undone.

        Args:
            reason: what the call is, in words. The features that pause for it get these words as the reason.
            place: the place of the call; ``None`` for calls of which several may be in one place.

        Raises:
            UserError: there is no room for the call, a feature could not be paused, or the call could not connect.
        """
        self.require_room(place)
        life = CallLife(call, place, self._shared, self._forget, self._ended)
        self._lives.append(life)
        if self.full:
            self._room.clear()
        await life.start(reason)
        return call

    async def end(self, cause: EndCause = EndCause.COMMAND, *, call: S | None = None) -> bool:
        """End a call, or cancel its start, and wait for the end. Without ``call``, all calls are ended.

        Returns:
            False if there was nothing to end.
        """
        ending = [life for life in self._lives if call is None or life.call is call]
        return any(await asyncio.gather(*(life.end(cause) for life in ending)))

    async def close(self) -> None:
        """End all calls, and close the lease. Called at the end of the process."""
        await self.end(EndCause.SHUTDOWN)
        await self._lease.close()

    def _forget(self, life: CallLife[S]) -> None:
        self._lives.remove(life)
        self._room.set()

    def _life(self, call: S) -> CallLife[S] | None:
        return next((life for life in self._lives if life.call is call), None)
