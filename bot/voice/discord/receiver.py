"""Datagrams of a voice channel to each person's sound: whose it is, decrypted, in order, decoded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from audio.opus import SpeechDecoder
from bot.voice.discord.jitter import Frame, JitterBuffer
from bot.voice.discord.opening import EndToEnd, FrameOpener, OpenedFrame, Unopened
from bot.voice.discord.pending_packets import PendingPackets
from bot.voice.discord.rtp import SILENCE, NoVoicePacket, TransportCipher, VoicePacket, open_packet
from bot.voice.frames import AudioFrame, InputEvent, PersonLeft, TransmissionEnded

QUIET_LIMIT = 0.2
"""Seconds without a packet after which a transmission is over, whether anybody said so or not."""
MAX_STREAMS = 200


class CipherSource(Protocol):
    """The connection's transport encryption, as it is now."""

    @property
    def cipher(self) -> TransportCipher | None:
        """What opens its packets; ``None`` while there is no key."""
        ...


@dataclass(slots=True)
class ReceiveCounters:
    """What has become of the packets so far."""

    heard: int = 0
    lost: int = 0
    not_voice: int = 0
    not_opened: int = 0
    refused: int = 0
    not_opus: int = 0


@dataclass(slots=True, eq=False)
class _Stream:
    """One person's packets under one SSRC."""

    person: int
    jitter: JitterBuffer = field(default_factory=JitterBuffer)
    decoder: SpeechDecoder = field(default_factory=SpeechDecoder)
    last_at: float = 0.0
    transmitting: bool = False

    @property
    def deadline(self) -> float | None:
        quiet = self.last_at + QUIET_LIMIT if self.transmitting else None
        return min((at for at in (quiet, self.jitter.deadline) if at is not None), default=None)


class Receiver:
    """Belongs to one thread, and never raises for what comes from outside. What it hears goes to ``out``.

    Args:
        admits: whether a person may be listened to; asked for every packet as soon as it is known whose it is.
    """

    def __init__(
        self,
        transport: CipherSource,
        end_to_end: EndToEnd,
        out: Callable[[InputEvent], None],
        admits: Callable[[int], bool],
    ) -> None:
        self.counters = ReceiveCounters()
        self._transport = transport
        self._opener = FrameOpener(end_to_end, admits)
        self._out = out
        self._claims: dict[int, int] = {}
        self._streams: dict[int, _Stream] = {}
        self._pending = PendingPackets()

    @property
    def deadline(self) -> float | None:
        """When :meth:`tick` is due, in monotonic seconds."""
        due = [stream.deadline for stream in self._streams.values()] + [self._pending.deadline]
        return min((at for at in due if at is not None), default=None)

    def datagram(self, data: bytes, at: float) -> None:
        """Take a datagram, whatever it is, that arrived at ``at`` (monotonic seconds)."""
        cipher = self._transport.cipher
        if cipher is None:
            return
        try:
            packet = open_packet(data, cipher)
        except NoVoicePacket:
            self.counters.not_voice += 1
            return
        stream = self._streams.get(packet.ssrc)
        if stream is not None and stream.jitter.refuses(packet.sequence, at):
            return
        self._take(packet, at)

    def speaking(self, ssrc: int, person: int) -> None:
        """Discord says whose stream this is."""
        if len(self._claims) < MAX_STREAMS or ssrc in self._claims:
            self._claims[ssrc] = person

    def person_left(self, person: int, at: float) -> None:
        """This person is out of the channel, or is no longer listened to: nothing of theirs is kept."""
        self._claims = {ssrc: owner for ssrc, owner in self._claims.items() if owner != person}
        for ssrc, stream in tuple(self._streams.items()):
            if stream.person == person:
                del self._streams[ssrc]
                self._pending.drop(ssrc)
        self._out(PersonLeft(person, at))

    def tick(self, now: float) -> None:
        """Give up what was waited for long enough, and end the transmissions of those who fell silent."""
        if (due := self._pending.deadline) is not None and due <= now:
            for ssrc in self._pending.streams():
                self._retry(ssrc)
            self._pending.tried(now)
            self.counters.not_opened += self._pending.expire(now)
        for stream in tuple(self._streams.values()):
            self._play(stream, stream.jitter.tick(now))
            if stream.transmitting and now - stream.last_at >= QUIET_LIMIT:
                self._play(stream, stream.jitter.flush())
                self._end_transmission(stream, now, announced=False)

    def _take(self, packet: VoicePacket, at: float) -> None:
        opened = self._opener.open(packet, self._claimed(packet.ssrc), at)
        if isinstance(opened, OpenedFrame):
            # Those that came before it and waited for the same key keep their order.
            self._retry(packet.ssrc)
        self._settle(packet, at, opened)

    def _retry(self, ssrc: int) -> None:
        for pending in self._pending.take(ssrc):
            opened = self._opener.open(pending.packet, self._claimed(ssrc), pending.at)
            self._settle(pending.packet, pending.at, opened)

    def _settle(self, packet: VoicePacket, at: float, opened: OpenedFrame | Unopened) -> None:
        match opened:
            case OpenedFrame(person, opus):
                stream = self._stream(packet.ssrc, person)
                stream.last_at = max(stream.last_at, at)
                self._play(stream, stream.jitter.push(packet.sequence, opus, at))
            case Unopened.REFUSED:
                self.counters.refused += 1
            case Unopened.NOT_YET:
                self._pending.add(packet, at)

    def _claimed(self, ssrc: int) -> int | None:
        # Who has proved it by their key is believed before who merely was said to speak.
        stream = self._streams.get(ssrc)
        return self._claims.get(ssrc, stream.person if stream is not None else None)

    def _stream(self, ssrc: int, person: int) -> _Stream:
        stream = self._streams.get(ssrc)
        if stream is None or stream.person != person:
            if len(self._streams) >= MAX_STREAMS:
                self._streams.pop(min(self._streams, key=lambda known: self._streams[known].last_at))
            stream = self._streams[ssrc] = _Stream(person)
        return stream

    def _play(self, stream: _Stream, frames: list[Frame]) -> None:
        for frame in frames:
            if frame.opus == SILENCE:
                if stream.transmitting:
                    self._end_transmission(stream, frame.at, announced=True)
                continue
            sound = stream.decoder.decode(frame.opus, frame.lost if stream.transmitting else 0)
            if sound is None:
                self.counters.not_opus += 1
                continue
            stream.transmitting = True
            self.counters.heard += 1
            self.counters.lost += frame.lost
            self._out(AudioFrame(stream.person, sound, frame.at))

    def _end_transmission(self, stream: _Stream, at: float, *, announced: bool) -> None:
        stream.transmitting = False
        self._out(TransmissionEnded(stream.person, at, announced))
