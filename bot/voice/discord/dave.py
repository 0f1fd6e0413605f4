"""DAVE, Discord's end-to-end encryption: decrypts frames, and finds by the key who has sent them.

Source: DAVE whitepaper, section Payload Format.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from bot.voice.discord.rtp import SILENCE, VoicePacket

ENCRYPTED_END = b"\xfa\xfa"
"""Last two bytes of each encrypted frame."""
PLAIN_GRACE = 10.0
"""Seconds after a change of the protocol version in which unencrypted frames may still arrive."""


class DecryptionError(Exception):
    """A frame was not encrypted with this person's key, or there is no key yet."""


class EndToEndEncryption(Protocol):
    """The current end-to-end encryption of a voice connection."""

    @property
    def version(self) -> int:
        """The version of the DAVE protocol; 0 while frames are not encrypted end to end."""
        ...

    def members(self) -> list[int]:
        """The user ids of the people in the DAVE group, without the bot."""
        ...

    def decrypt(self, person: int, frame: bytes) -> bytes:
        """Decrypt a frame with a person's key; returns the Opus frame. Raises :class:`DecryptionError`."""
        ...


class NoFrame(Enum):
    """The reason for which a packet gives no frame."""

    NOT_YET = auto()
    """The key, or Discord's message that names the owner of the stream, may still arrive."""
    REFUSED = auto()
    """The frame must not be decoded: it is unencrypted in an encrypted call, or its sender is not listened to."""


@dataclass(frozen=True, slots=True)
class AttributedFrame:
    """A decrypted Opus frame and the user id of the person who has sent it."""

    person: int
    opus: bytes


class FrameDecryptor:
    """Decrypts frames, and attributes each encrypted one to the person whose key decrypts it.

    So an encrypted frame is attributed to its real sender, even if Discord names another person who may be listened to.

    Args:
        end_to_end: the connection's end-to-end encryption.
        admits: function that tells whether a person, by user id, may be listened to.
    """

    def __init__(self, end_to_end: EndToEndEncryption, admits: Callable[[int], bool]) -> None:
        self._end_to_end = end_to_end
        self._admits = admits
        self._version = end_to_end.version
        self._plain_until = 0.0

    def decrypt(self, packet: VoicePacket, claimed: int | None, at: float) -> AttributedFrame | NoFrame:
        """Decrypt the frame of a packet.

        Args:
            packet: packet without transport encryption.
            claimed: user id of the sender according to Discord; ``None`` if Discord has not said it.
            at: arrival of the packet, in monotonic seconds.
        """
        if claimed is not None and not self._admits(claimed):
            return NoFrame.REFUSED
        if packet.frame.endswith(ENCRYPTED_END):
            return self._decrypt_and_attribute(packet.frame, claimed)
        if packet.frame != SILENCE and not self._may_be_plain(at):
            return NoFrame.REFUSED
        return AttributedFrame(claimed, packet.frame) if claimed is not None else NoFrame.NOT_YET

    def _decrypt_and_attribute(self, frame: bytes, claimed: int | None) -> AttributedFrame | NoFrame:
        """Try the keys of the people in the group, beginning with the claimed sender."""
        for person in self._candidates(claimed):
            try:
                opus = self._end_to_end.decrypt(person, frame)
            except DecryptionError:
                continue
            return AttributedFrame(person, opus) if self._admits(person) else NoFrame.REFUSED
        return NoFrame.NOT_YET

    def _candidates(self, claimed: int | None) -> list[int]:
        """The people whose keys are tried: the claimed sender first, if there is one."""
        others = [person for person in self._end_to_end.members() if person != claimed]
        return others if claimed is None else [claimed, *others]

    def _may_be_plain(self, at: float) -> bool:
        """True if unencrypted frames are accepted at ``at`` (monotonic seconds)."""
        version = self._end_to_end.version
        if version != self._version:
            self._version = version
            self._plain_until = at + PLAIN_GRACE
        return version == 0 or at < self._plain_until
