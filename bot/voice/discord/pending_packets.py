"""Pending packets: packets that can't be decrypted yet. They are kept while their key, or their sender, is unknown."""

from __future__ import annotations

from dataclasses import dataclass

from bot.voice.discord.rtp import VoicePacket

KEPT_SECONDS = 2.0
"""Seconds for which a packet is kept."""
RETRY_SECONDS = 0.1
"""Seconds between two attempts to decrypt the packets."""
MAX_PACKETS = 1_000
"""Maximum number of packets of all streams together: 2 s of ten speakers. If there are more, the oldest are dropped."""


@dataclass(frozen=True, slots=True)
class PendingPacket:
    """A packet and its time of arrival, in monotonic seconds."""

    packet: VoicePacket
    at: float


class PendingPackets:
    """The pending packets of all streams, by SSRC, in the order of their arrival."""

    def __init__(self) -> None:
        self._streams: dict[int, dict[int, PendingPacket]] = {}
        self._count = 0
        self._retry_at = 0.0

    @property
    def deadline(self) -> float | None:
        """Time of the next attempt, in monotonic seconds; ``None`` if there are no packets."""
        return self._retry_at if self._count else None

    def streams(self) -> list[int]:
        """The SSRCs of the streams that have pending packets."""
        return list(self._streams)

    def add(self, packet: VoicePacket, at: float) -> None:
        """Keep a packet that arrived at ``at`` (monotonic seconds). A duplicate is ignored."""
        waiting = self._streams.setdefault(packet.ssrc, {})
        if packet.sequence in waiting:
            return
        waiting[packet.sequence] = PendingPacket(packet, at)
        self._count += 1
        if self._count == 1:
            self._retry_at = at + RETRY_SECONDS
        if self._count > MAX_PACKETS:
            self._drop_oldest()

    def take(self, ssrc: int) -> list[PendingPacket]:
        """Remove and return the packets of a stream. The caller adds back the packets that still can't be decrypted."""
        waiting = self._streams.pop(ssrc, {})
        self._count -= len(waiting)
        return list(waiting.values())

    def schedule_retry(self, now: float) -> None:
        """Set :attr:`deadline` to :data:`RETRY_SECONDS` after ``now``."""
        self._retry_at = now + RETRY_SECONDS

    def expire(self, now: float) -> int:
        """Drop the packets that are older than :data:`KEPT_SECONDS`; returns their number."""
        before = self._count
        for ssrc, waiting in tuple(self._streams.items()):
            for sequence, pending in tuple(waiting.items()):
                if now - pending.at <= KEPT_SECONDS:
                    break
                self._remove(ssrc, sequence)
        return before - self._count

    def drop(self, ssrc: int) -> None:
        """Drop all packets of a stream."""
        self._count -= len(self._streams.pop(ssrc, ()))

    def _drop_oldest(self) -> None:
        ssrc = min(self._streams, key=lambda known: next(iter(self._streams[known].values())).at)
        self._remove(ssrc, next(iter(self._streams[ssrc])))

    def _remove(self, ssrc: int, sequence: int) -> None:
        del self._streams[ssrc][sequence]
        self._count -= 1
        if not self._streams[ssrc]:
            del self._streams[ssrc]
