"""What follows when Discord's voice gateway closes the connection, by its close code.

Source: Discord's documentation, "Voice Close Event Codes". discord.py resumes or connects anew by itself; the link
connects anew where that does not help, and ends the call where Discord asks not to come back.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType


class AfterClose(Enum):
    """What follows a close code."""

    RESUME = auto()
    """The session goes on over a new connection."""
    ANEW = auto()
    """The bot joins the channel again, unless it was removed from it."""
    END = auto()
    """The call ends: another connection would be refused too, or Discord asks the bot not to come back."""


CLOSE_CODES: Mapping[int, AfterClose] = MappingProxyType(
    {
        1000: AfterClose.ANEW,  # closed as planned: the voice server is being replaced
        1001: AfterClose.ANEW,  # the voice server goes away
        1006: AfterClose.ANEW,  # no close frame: the TCP connection broke
        4000: AfterClose.ANEW,  # discord.py itself: no heartbeat was answered
        4001: AfterClose.ANEW,  # unknown opcode
        4002: AfterClose.ANEW,  # a message that could not be read
        4003: AfterClose.ANEW,  # not authenticated
        4004: AfterClose.ANEW,  # the token of this session is wrong; a new session has a new one
        4005: AfterClose.ANEW,  # authenticated twice
        4006: AfterClose.ANEW,  # the session is no longer valid
        4009: AfterClose.ANEW,  # the session has timed out
        4011: AfterClose.ANEW,  # the voice server does not know this server
        4012: AfterClose.ANEW,  # unknown protocol
        4014: AfterClose.ANEW,  # kicked, moved, or the channel is gone: the main gateway says which
        4015: AfterClose.RESUME,  # the voice server has crashed
        4016: AfterClose.ANEW,  # unknown encryption
        4017: AfterClose.END,  # end-to-end encryption is required, and was not offered
        4020: AfterClose.ANEW,  # bad request
        4021: AfterClose.END,  # connected too often
        4022: AfterClose.END,  # the call was terminated for everybody
    }
)


def after_close(code: int | None) -> AfterClose:
    """What follows a close code. If the code is unknown, or ``None`` because there is none, the bot connects anew."""
    return CLOSE_CODES.get(code, AfterClose.ANEW) if code is not None else AfterClose.ANEW
