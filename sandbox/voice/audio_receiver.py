"""The sound that a guest receives: each speaker's packets with their arrival times, and their decoded sound."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from audio.wav import to_wav
from sandbox.voice.opus import FRAME_SAMPLES, SAMPLE_RATE, MonoDecoder, Sound, make_decoder
from sandbox.voice.rtp import SILENCE

_LOOKS, _LOOK_SECONDS = 5, 0.005
"""How often in a row a speaker has to be found silent, and seconds between two looks."""


@dataclass(frozen=True, slots=True)
class ReceivedPacket:
    """One received packet. ``arrival`` is in monotonic seconds. ``opus`` is fully decrypted."""

    arrival: float
    sequence: int
    timestamp: int
    opus: bytes

    @property
    def silent(self) -> bool:
        """Whether the packet is Discord's frame of silence, which begins and ends transmissions."""
        return self.opus == SILENCE


@dataclass(slots=True)
class _Speaker:
    packets: list[ReceivedPacket] = field(default_factory=list)
    dropped: int = 0
    undecryptable: int = 0
    decoder: MonoDecoder | None = None
    decoded: list[Sound] = field(default_factory=list)
    decoding: threading.Lock = field(default_factory=threading.Lock)

    def index(self, number: int) -> int:
        """The index in ``packets`` of the packet with this number; of the oldest one if that packet was dropped."""
        return max(0, number - self.dropped)


@dataclass(frozen=True, slots=True, eq=False)
class TimedSound:
    """Sound with its start time ``at``, in monotonic seconds."""

    at: float
    sound: Sound


def save_mix(path: Path, pieces: Sequence[TimedSound]) -> None:
    """Mix the pieces into a WAV file (16-bit mono at 48,000 Hz) that starts with the earliest piece."""
    begin = min((piece.at for piece in pieces), default=0.0)
    placed = [(round((piece.at - begin) * SAMPLE_RATE), piece.sound) for piece in pieces]
    mix = np.zeros(max((position + len(sound) for position, sound in placed), default=0), np.float32)
    for position, sound in placed:
        mix[position : position + len(sound)] += sound
    path.write_bytes(to_wav(mix, SAMPLE_RATE))


class AudioReceiver:
    """Keeps the packets that one guest receives, by the speaker's user id. Use it on the event loop.

    Packets are decoded when their sound is asked for. Another thread may ask for it too, while packets go on arriving.

    Args:
        keep: the number of packets kept of each speaker. When there are more, the older half is dropped.
    """

    def __init__(self, *, keep: int = 200_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._keep = keep
        self._clock = clock
        self._speakers: dict[int, _Speaker] = {}
        self._changed = asyncio.Event()

    def add(self, user: int, packet: ReceivedPacket) -> None:
        """Add a decrypted packet of a speaker."""
        speaker = self._speaker(user)
        speaker.packets.append(packet)
        if len(speaker.packets) > self._keep:
            with speaker.decoding:
                cut = len(speaker.packets) // 2
                del speaker.packets[:cut], speaker.decoded[:cut]
                speaker.dropped += cut
        self._changed.set()

    def add_undecryptable(self, user: int) -> None:
        """Count a speaker's packet that could not be decrypted (end-to-end encryption)."""
        self._speaker(user).undecryptable += 1

    @property
    def speakers(self) -> set[int]:
        """The user ids of all speakers so far."""
        return {user for user, speaker in self._speakers.items() if speaker.packets}

    def packets(self, user: int) -> list[ReceivedPacket]:
        """A speaker's packets, in the order of their arrival."""
        return list(self._speaker(user).packets)

    def voiced_packets(self, user: int) -> list[ReceivedPacket]:
        """A speaker's packets without the frames of silence around a transmission."""
        return [packet for packet in self._speaker(user).packets if not packet.silent]

    def undecryptable(self, user: int) -> int:
        """The number of a speaker's packets that could not be decrypted."""
        return self._speaker(user).undecryptable

    def pcm(self, user: int, *, since: int = 0) -> Sound:
        """A speaker's sound from packet number ``since`` on, without the silence between transmissions."""
        parts = [sound for packet, sound in self._decoded(self._speaker(user), since) if not packet.silent]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def count(self, user: int) -> int:
        """The number of a speaker's packets so far, for use as ``since``."""
        speaker = self._speaker(user)
        return speaker.dropped + len(speaker.packets)

    async def wait_for_audio(self, user: int, timeout: float, *, since: int = 0) -> ReceivedPacket:
        """Wait for the first voiced packet from number ``since`` on.

        Raises:
            TimeoutError: no voiced packet came in time.
        """
        async with asyncio.timeout(timeout):
            while True:
                speaker = self._speaker(user)
                for packet in speaker.packets[speaker.index(since) :]:
                    if not packet.silent:
                        return packet
                self._changed.clear()
                await self._changed.wait()

    async def wait_for_silence(self, user: int, quiet_for: float, timeout: float) -> None:
        """Wait until no voiced packet of a speaker has come for ``quiet_for`` seconds.

        If the event loop has stood still, packets still wait in the sockets of the voice server and of the guest. So
        the loop gets time to read them.

        Raises:
            TimeoutError: the speaker did not stop in time.
        """
        looks = 0
        async with asyncio.timeout(timeout):
            while looks < _LOOKS:
                last = next((p.arrival for p in reversed(self._speaker(user).packets) if not p.silent), 0.0)
                left = last + quiet_for - self._clock()
                looks = 0 if left > 0 else looks + 1
                await asyncio.sleep(max(left, _LOOK_SECONDS))

    def save_wav(self, path: Path, *users: int) -> None:
        """Mix the sound of these speakers (of all by default) into a WAV file: 16-bit mono at 48,000 Hz."""
        save_mix(path, self.timed(*users))

    def timed(self, *users: int) -> list[TimedSound]:
        """The sound of these speakers (of all by default), each packet with its start time."""
        pieces: list[TimedSound] = []
        for speaker in [self._speaker(user) for user in (users or self.speakers)]:
            decoded = self._decoded(speaker)
            begin = decoded[0][0].arrival if decoded else 0.0
            placed = _placed(decoded, begin)
            pieces += [TimedSound(begin + position / SAMPLE_RATE, sound) for position, sound in placed]
        return pieces

    def _speaker(self, user: int) -> _Speaker:
        return self._speakers.setdefault(user, _Speaker())

    @staticmethod
    def _decoded(speaker: _Speaker, since: int = 0) -> list[tuple[ReceivedPacket, Sound]]:
        """The packets that are here now, from number ``since`` on, each with its sound."""
        with speaker.decoding:
            if speaker.decoder is None:
                speaker.decoder = make_decoder()
            packets = list(speaker.packets)
            for packet in packets[len(speaker.decoded) :]:
                speaker.decoded.append(speaker.decoder.decode_frame(packet.opus))
            first = speaker.index(since)
            return list(zip(packets[first:], speaker.decoded[first:], strict=True))


def _placed(decoded: Sequence[tuple[ReceivedPacket, Sound]], begin: float) -> list[tuple[int, Sound]]:
    """Each frame with its position in samples.

    A transmission starts when its first packet arrives. Its other frames follow without gaps, even if their packets
    arrive unevenly.
    """
    placed: list[tuple[int, Sound]] = []
    end = 0
    for packet, sound in decoded:
        arrived = int((packet.arrival - begin) * SAMPLE_RATE)
        # A packet that arrives 100 ms or more away from the end of the last packet starts another transmission.
        position = end if placed and abs(arrived - end) < 5 * FRAME_SAMPLES else max(arrived, end)
        placed.append((position, sound))
        end = position + len(sound)
    return placed
