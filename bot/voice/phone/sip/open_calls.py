"""The phone calls that an endpoint knows, and who gives way when they are too many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from bot.voice.phone.sip.dialog import SipCall, State

CallId = tuple[str, str, str]
"""Call-ID, own tag, and the other side's tag."""
MAX_CALLS = 8
"""Maximum number of phone calls at once, including those that are being refused or have just ended."""
MAX_UNCONFIRMED = 4
"""Maximum number of phone calls that are answered and not acknowledged yet."""


class OpenCalls:
    """The phone calls. Use it on the event loop.

    If there are too many, a phone call in which nobody is talked with gives way: one that is not acknowledged, whose
    sound has not come, or that is over and only waits for the other side's answer. The host that has most of these
    calls loses the oldest of them, so whoever calls again and again ends only calls of their own.
    """

    def __init__(self) -> None:
        self._calls: dict[CallId, SipCall] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[SipCall]:
        return iter(list(self._calls.values()))

    def find(self, call: CallId) -> SipCall | None:
        """The phone call with this id."""
        return self._calls.get(call)

    def add(self, call: SipCall) -> None:
        """Take a phone call, for which :meth:`make_room` has made room."""
        self._calls[call.id] = call

    def forget(self, call: SipCall) -> None:
        """Forget a phone call. Does nothing if it is not known."""
        self._calls.pop(call.id, None)

    def make_room(self) -> bool:
        """Make room for another phone call. Returns whether there is any."""
        unconfirmed = [call for call in self if call.state is State.ANSWERED]
        if len(self) >= MAX_CALLS:
            return self._drop_one_of([call for call in self if not _is_talked_with(call)])
        return len(unconfirmed) < MAX_UNCONFIRMED or self._drop_one_of(unconfirmed)

    def _drop_one_of(self, calls: list[SipCall]) -> bool:
        if not calls:
            return False
        places = Counter(_caller(call) for call in calls)
        most = max(places.values())
        leaving = next(call for call in calls if places[_caller(call)] == most)
        leaving.give_way()
        self.forget(leaving)
        return True


def _caller(call: SipCall) -> str:
    """Host that the phone call was set up from."""
    return call.invite.source[0]


def _is_talked_with(call: SipCall) -> bool:
    """Whether the caller can be spoken to, or is just hearing that another call is on."""
    reachable = call.state is State.CONFIRMED and call.line is not None and call.line.reachable
    return reachable or call.state is State.EARLY
