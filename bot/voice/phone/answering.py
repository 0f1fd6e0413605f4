"""The interface of the service that answers phone calls. Twilio and SIP use it: they bring the phone lines."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol, TypeAlias, runtime_checkable

from bot.voice.phone.line import LineEnd, PhoneLine


class PhoneStartError(Exception):
    """Phone calls can't come in, because of a setting. The text is for the operator."""


class Admission(StrEnum):
    """What is to be done with a phone call that comes in. The log of calls names the refusals as causes."""

    ALLOWED = "allowed"
    """Answer the phone call, and pass its line to :meth:`PhoneAnswering.answer`."""
    BUSY = "a call is on"
    """Pass a line to :meth:`PhoneAnswering.answer` too. A sentence is spoken, and then the line is hung up.

    SIP: the line is early media (183), and hanging it up sends 486.
    """
    NOT_ALLOWED = "not allowed"
    """The number is not in ``PHONE_ALLOW``, or too many wrong PINs came from it. Refuse without answering (SIP:
    403)."""
    NOT_READY = "not ready"
    """The engines are being loaded, calls are switched off, or the bot is ending. Refuse (SIP: 503)."""


class Refusal(StrEnum):
    """The other reasons for which a phone call is refused, as the log of calls names them."""

    TOO_MANY = "too many phone calls"
    """There is no place for the phone call now, or one host has called too often."""
    NO_SOUND = "no agreement on sound"
    """The caller offers no G.711, or wants sound sent where it must not go. SIP: 488."""
    NOT_FROM_PBX = "not from the PBX"
    """The bot is registered at a PBX, and somebody else has sent the phone call. SIP: 403."""
    EXTENSION = "unknown extension required"
    """The caller's program requires an extension of SIP that the bot does not have. SIP: 420."""


RefusalCause: TypeAlias = Admission | Refusal | LineEnd
"""Why a phone call was refused, or has ended before it could be answered."""


@runtime_checkable
class PhoneWay(Protocol):
    """A source of phone calls, Twilio or SIP, that can describe its state."""

    def describe(self) -> str:
        """Its state, in words for the operator."""
        ...


class PhoneAnswering(Protocol):
    """The service of phone calls. Use it on the event loop."""

    def decide(self, number: str, source: str | None = None) -> Admission:
        """Decide about a phone call before it is answered. This changes nothing, so it may be called again.

        Args:
            number: the caller's number, as :attr:`~bot.voice.phone.line.PhoneLine.number` will have it; empty if the
                caller withholds it.
            source: who is responsible for the phone call, as :attr:`~bot.voice.phone.line.PhoneLine.source` will have
                it; ``None`` if that is the number.
        """
        ...

    def note_refusal(self, kind: str, number: str, cause: RefusalCause, detail: str = "") -> None:
        """Log a phone call that was refused without :meth:`answer`. Call it once for each such phone call.

        Args:
            kind: ``twilio`` or ``sip``.
            cause: why it was refused, or has ended before it could be answered.
        """
        ...

    async def answer(self, line: PhoneLine, *, busy: bool = False) -> None:
        """Talk with the caller. Returns when the phone call is over and its line has ended or was hung up.

        The service decides again, since another call may have begun, and writes the phone call into the log of calls.
        Nothing is raised, unless the task of this method is cancelled. Then the line is hung up first.

        Args:
            busy: only say that another call is on, even if that call has ended by now. SIP plays this as early media:
                the phone call is not answered, so there can be no conversation on its line.
        """
        ...
