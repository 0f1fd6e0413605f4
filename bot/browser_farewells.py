"""The last words to a client whose call has ended, or goes on in another tab."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bot.voice.browser.client import ChatClient
from bot.voice.browser.server_messages import CloseCode, ErrorCode, Failure, Notice
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
TAKEN_OVER = "Another tab has taken over the call."
TAKEN_BY = "👋 {name} has taken over the call in another tab."


def farewell_message(cause: EndCause) -> Failure | Notice | None:
    """The last message after a call that has ended by this cause; ``None`` if there is none."""
    text = FAREWELLS.get(cause)
    if text is None:
        return None
    return Failure(ErrorCode.CALL_FAILED, text) if cause in ERROR_CAUSES else Notice(text)


def tell_taken(client: ChatClient, by: str | None) -> None:
    """Tell a client that another client has taken over its call. If another person has done so, ``by`` is that person's
    name.
    """
    if by is not None:
        client.send(Notice(TAKEN_BY.format(name=by)))
    client.close(CloseCode.TAKEN_OVER, TAKEN_OVER)
