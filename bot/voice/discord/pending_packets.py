"""Packets that can't be opened yet: kept for a moment, because their key, or the word whose they are, is on its way."""

from __future__ import annotations

from dataclasses import dataclass

from bot.voice.discord.rtp import VoicePacket

KEPT_SECONDS = 2.0
RETRY_SECONDS = 0.1
MAX_PACKETS = 1_000
"""Of all streams together: 2 s of ten speakers. Beyond that the oldest go."""


@dataclass(frozen=True, slots=True)
class PendingPacket:
    """A packet, and when it arrived, in monotonic seconds."""

    packet: VoicePacket
    at: float


class PendingPackets:
    """The packets that wait, by stream, each stream in the order of arrival."""

    def __init__(self) -> None:
        self._streams: dict[int, dict[int, PendingPacket]] = {}
        self._count = 0
        self._retry_at = 0.0

    @property
    def deadline(self) -> float | None:
        """When to try again."""
        return self._retry_at if self._count else None

    def streams(self) -> list[int]:
        """The SSRCs of which something waits."""
        return list(self._streams)

    def add(self, packet: VoicePacket, at: float) -> None:
        """Keep a packet, unless it waits already."""
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
        """Give out what waits of a stream; put back with :meth:`add` what still can't be opened."""
        waiting = self._streams.pop(ssrc, {})
        self._count -= len(waiting)
        return list(waiting.values())

    def tried(self, now: float) -> None:
        """Try again a while after this."""
        self._retry_at = now + RETRY_SECONDS

    def expire(self, now: float) -> int:
        """Forget what has waited too long; returns how many that were."""
        before = self._count
        for ssrc, waiting in tuple(self._streams.items()):
            for sequence, pending in tuple(waiting.items()):
                if now - pending.at <= KEPT_SECONDS:
                    break
                self._forget(ssrc, sequence)
        return before - self._count

    def drop(self, ssrc: int) -> None:
        """Forget a stream."""
        self._count -= len(self._streams.pop(ssrc, ()))

    def _drop_oldest(self) -> None:
        ssrc = min(self._streams, key=lambda known: next(iter(self._streams[known].values())).at)
        self._forget(ssrc, next(iter(self._streams[ssrc])))

    def _forget(self, ssrc: int, sequence: int) -> None:
        del self._streams[ssrc][sequence]
        self._count -= 1
        if not self._streams[ssrc]:
            del self._streams[ssrc]
