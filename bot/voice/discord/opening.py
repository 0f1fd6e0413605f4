"""Taking the end-to-end encryption off, and finding out by it who has spoken (DAVE whitepaper, Payload Format)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from bot.voice.discord.rtp import SILENCE, VoicePacket

ENCRYPTED_END = b"\xfa\xfa"
PLAIN_GRACE = 10.0
"""Seconds around a change of the protocol version in which plain frames are still, or already, on their way."""


class NotOpened(Exception):  # noqa: N818
    """A frame is not this person's, or there is no key for it yet."""


class EndToEnd(Protocol):
    """The connection's end-to-end encryption, as it is now."""

    @property
    def version(self) -> int:
        """DAVE's protocol version; 0 while frames are plain."""
        ...

    def members(self) -> list[int]:
        """The people in the group, by their user ids, without the bot."""
        ...

    def decrypt(self, person: int, frame: bytes) -> bytes:
        """The Opus frame; raises :class:`NotOpened`."""
        ...


class Unopened(Enum):
    """Why there is no frame."""

    NOT_YET = auto()
    """Its key, or the word whose it is, may still come."""
    REFUSED = auto()
    """It is not to be decoded: plain where all has to be encrypted, or of somebody who is not listened to."""


@dataclass(frozen=True, slots=True)
class OpenedFrame:
    """An Opus frame, and whose it is."""

    person: int
    opus: bytes


class FrameOpener:
    """Opens frames with the key of who has said them: a stream that lies about whose it is finds no believer.

    Args:
        admits: whether a person may be listened to.
    """

    def __init__(self, end_to_end: EndToEnd, admits: Callable[[int], bool]) -> None:
        self._end_to_end = end_to_end
        self._admits = admits
        self._version = end_to_end.version
        self._plain_until = 0.0

    def open(self, packet: VoicePacket, claimed: int | None, at: float) -> OpenedFrame | Unopened:
        """Open a frame that arrived at ``at``; ``claimed`` is who Discord says has sent it."""
        if claimed is not None and not self._admits(claimed):
            return Unopened.REFUSED
        if packet.frame.endswith(ENCRYPTED_END):
            return self._decrypt(packet.frame, claimed)
        if packet.frame != SILENCE and not self._may_be_plain(at):
            return Unopened.REFUSED
        return OpenedFrame(claimed, packet.frame) if claimed is not None else Unopened.NOT_YET

    def _decrypt(self, frame: bytes, claimed: int | None) -> OpenedFrame | Unopened:
        for person in self._candidates(claimed):
            try:
                opus = self._end_to_end.decrypt(person, frame)
            except NotOpened:
                continue
            return OpenedFrame(person, opus) if self._admits(person) else Unopened.REFUSED
        return Unopened.NOT_YET

    def _candidates(self, claimed: int | None) -> list[int]:
        others = [person for person in self._end_to_end.members() if person != claimed]
        return others if claimed is None else [claimed, *others]

    def _may_be_plain(self, at: float) -> bool:
        version = self._end_to_end.version
        if version != self._version:
            self._version = version
            self._plain_until = at + PLAIN_GRACE
        return version == 0 or at < self._plain_until
