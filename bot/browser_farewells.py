"""The last words to a client whose call has ended, or goes on in another tab."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from bot.voice.browser.client import ChatClient
from bot.voice.browser.server_messages import CloseCode, ErrorCode, Failure, Notice
from bot.voice.browser.transport import MAX_MISSED
from bot.voice.dialogue.left_unanswered import left_unanswered
from bot.voice.transport import EndCause

FAREWELLS: Mapping[EndCause, str] = MappingProxyType(
    {
        EndCause.VOICE_COMMAND: "👋 I have hung up.",
        EndCause.VOICE_LOST: "❌ My voice did not come back, so I had to hang up. Press talk to try again.",
        EndCause.SHUTDOWN: "👋 I am being switched off.",
        EndCause.FAILURE: "❌ Something broke on my side, and I had to hang up. Press talk to try again.",
    }
)
"""The last message to the client, by the cause of the call's end."""
ERROR_CAUSES = frozenset({EndCause.VOICE_LOST, EndCause.FAILURE})
"""If a call ends by one of these causes, its last message to the client is an error and not a notice."""
MAX_MISSED_CALLS = 50
"""Largest number of calls whose last notices are kept for clients that are away."""
KEPT_SECONDS = 86_400.0
"""Seconds for which these notices are kept. Later, nobody wants to know any more what had no answer."""
TAKEN_OVER = "Another tab has taken over the call."
TAKEN_BY = "👋 {name} has taken over the call in another tab."


def farewell_message(cause: EndCause) -> Failure | Notice | None:
    """The last message after a call that has ended by this cause; ``None`` if there is none."""
    text = FAREWELLS.get(cause)
    if text is None:
        return None
    return Failure(ErrorCode.CALL_FAILED, text) if cause in ERROR_CAUSES else Notice(text)


def tell_early(client: ChatClient, count: int) -> None:
    """Tell a client that ``count`` texts have no answer: they waited for the beginning of a call that is over."""
    if count:
        client.send(Notice(left_unanswered(count)))


@dataclass(frozen=True, slots=True)
class _Missed:
    """The last notices of a client's time in a call. They may quote what people had written.

    Attributes:
        people: ids of the people of whom the notices may tell.
        at: when the newest notice was kept, in monotonic seconds.
    """

    notices: Sequence[Notice]
    people: frozenset[int]
    at: float


class MissedNotices:
    """The last notices for clients that were away when their call ended or went to another person, by session. They
    are kept for :data:`KEPT_SECONDS`. Use it only on the event loop.

    Args:
        clock: returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._missed: dict[str, _Missed] = {}

    def keep(self, session: str, notices: Sequence[Notice], people: frozenset[int]) -> None:
        """Keep notices, after those that are kept already, until the client asks for its session. Of more than
        :data:`~bot.voice.browser.transport.MAX_MISSED`, the newest are kept.

        Args:
            people: ids of the people of whom the notices may tell.
        """
        self._drop_old()
        if notices:
            earlier = self._missed.pop(session, _Missed((), frozenset(), 0.0))
            newest = (*earlier.notices, *notices)[-MAX_MISSED:]
            self._missed[session] = _Missed(newest, earlier.people | people, self._clock())
        while len(self._missed) > MAX_MISSED_CALLS:
            del self._missed[next(iter(self._missed))]

    def tell(self, client: ChatClient, session: str | None) -> None:
        """Send the notices of a session, once."""
        self._drop_old()
        if (missed := self._missed.pop(session or "", None)) is not None:
            for notice in missed.notices:
                client.send(notice)

    def forget(self, person: int) -> None:
        """Drop all notices that may tell of this person. Call it when they opt out or want to be forgotten."""
        self._missed = {session: missed for session, missed in self._missed.items() if person not in missed.people}

    def _drop_old(self) -> None:
        oldest = self._clock() - KEPT_SECONDS
        self._missed = {session: missed for session, missed in self._missed.items() if missed.at >= oldest}


def tell_taken(client: ChatClient, by: str | None) -> None:
    """Tell a client that another client has taken over its call. If another person has done so, ``by`` is that person's
    name.
    """
    if by is not None:
        client.send(Notice(TAKEN_BY.format(name=by)))
    client.close(CloseCode.TAKEN_OVER, TAKEN_OVER)
