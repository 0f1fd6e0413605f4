"""The receiver of a voice connection: it turns datagrams into the sound of each person.

Packets are decrypted, attributed to a person, put in order and decoded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from audio.opus import SpeechDecoder
from bot.voice.discord.dave import AttributedFrame, EndToEndEncryption, FrameDecryptor, NoFrame
from bot.voice.discord.pending_packets import PendingPackets
from bot.voice.discord.rtp import SILENCE, TransportCipher, VoicePacket, VoicePacketError, decrypt_packet
from bot.voice.frames import AudioFrame, InputEvent, PersonLeft, TransmissionEnded
from bot.voice.jitter import Frame, JitterBuffer

QUIET_LIMIT = 0.2
"""Seconds without a packet after which a transmission counts as over, if no frame of silence has ended it."""
MAX_STREAMS = 200
"""Maximum number of streams that are known at a time. If there are more, the one that was silent for the longest is
dropped."""


class CipherSource(Protocol):
    """The current transport encryption of a voice connection."""

    @property
    def cipher(self) -> TransportCipher | None:
        """The cipher that decrypts the packets; ``None`` while there is no key."""
        ...


@dataclass(slots=True)
class ReceiveCounters:
    """Numbers of packets since the receiver was made.

    Attributes:
        heard: packets that were decoded.
        lost: packets that never arrived.
        not_voice: datagrams that are no voice packets of this connection.
        not_decrypted: packets for which no key was found in time.
        refused: packets that must not be decoded; see :attr:`~bot.voice.discord.dave.NoFrame.REFUSED`.
        not_opus: packets that the Opus decoder refused.
    """

    heard: int = 0
    lost: int = 0
    not_voice: int = 0
    not_decrypted: int = 0
    refused: int = 0
    not_opus: int = 0


@dataclass(slots=True, eq=False)
class _Stream:
    """The packets of one person with one SSRC.

    Attributes:
        person: user id of the sender.
        jitter: puts the frames in order.
        decoder: decodes the frames.
        last_at: arrival of the newest packet, in monotonic seconds.
        transmitting: True during a transmission.
        stalled: True if the last transmission counts as over only because no more packets came.
    """

    person: int
    jitter: JitterBuffer[bytes] = field(default_factory=JitterBuffer)
    decoder: SpeechDecoder = field(default_factory=SpeechDecoder)
    last_at: float = 0.0
    transmitting: bool = False
    stalled: bool = False

    @property
    def quiet_at(self) -> float:
        """Time at which the transmission is over if no more packets come.

        Compare with this time itself: ``now - last_at`` may be a little too small when rounded, and the deadline would
        never pass.
        """
        return self.last_at + QUIET_LIMIT

    @property
    def deadline(self) -> float | None:
        """Time at which the stream needs a :meth:`Receiver.tick`; ``None`` if it needs none."""
        quiet = self.quiet_at if self.transmitting else None
        return min((at for at in (quiet, self.jitter.deadline) if at is not None), default=None)


class Receiver:
    """Turns datagrams into input events. Use it on one thread. It never raises because of what a datagram contains.

    Args:
        transport: the connection's transport encryption.
        end_to_end: the connection's end-to-end encryption.
        out: called with each input event.
        admits: function that tells whether a person, by user id, may be listened to. It is called for each packet as
            soon as the sender is known.
    """

    def __init__(
        self,
        transport: CipherSource,
        end_to_end: EndToEndEncryption,
        out: Callable[[InputEvent], None],
        admits: Callable[[int], bool],
    ) -> None:
        self.counters = ReceiveCounters()
        self._transport = transport
        self._decryptor = FrameDecryptor(end_to_end, admits)
        self._out = out
        self._claims: dict[int, int] = {}
        self._streams: dict[int, _Stream] = {}
        self._pending = PendingPackets()

    @property
    def deadline(self) -> float | None:
        """Time at which :meth:`tick` is due, in monotonic seconds; ``None`` if nothing is due."""
        due = [stream.deadline for stream in self._streams.values()] + [self._pending.deadline]
        return min((at for at in due if at is not None), default=None)

    def datagram(self, data: bytes, at: float) -> None:
        """Take a datagram of any content that arrived at ``at`` (monotonic seconds)."""
        cipher = self._transport.cipher
        if cipher is None:
            return
        try:
            packet = decrypt_packet(data, cipher)
        except VoicePacketError:
            self.counters.not_voice += 1
            return
        stream = self._streams.get(packet.ssrc)
        if stream is not None and stream.jitter.refuses(packet.sequence, at):
            return
        self._process_packet(packet, at)

    def speaking(self, ssrc: int, person: int) -> None:
        """Take Discord's message that the stream ``ssrc`` belongs to ``person``."""
        if len(self._claims) < MAX_STREAMS or ssrc in self._claims:
            self._claims[ssrc] = person

    def person_left(self, person: int, at: float) -> None:
        """Delete all that is known of a person who has left or may no longer be heard. Report that the person left."""
        self._claims = {ssrc: owner for ssrc, owner in self._claims.items() if owner != person}
        for ssrc, stream in tuple(self._streams.items()):
            if stream.person == person:
                del self._streams[ssrc]
                self._pending.drop(ssrc)
        self._out(PersonLeft(person, at))

    def tick(self, now: float) -> None:
        """Do what is due at ``now`` (monotonic seconds).

        Retry the pending packets, stop waiting for missing packets, and end the transmissions of silent people.
        """
        if (due := self._pending.deadline) is not None and due <= now:
            for ssrc in self._pending.streams():
                self._retry(ssrc)
            self._pending.schedule_retry(now)
            self.counters.not_decrypted += self._pending.expire(now)
        for stream in tuple(self._streams.values()):
            self._decode(stream, stream.jitter.tick(now))
            if stream.transmitting and now >= stream.quiet_at:
                self._decode(stream, stream.jitter.flush())
                self._end_transmission(stream, now, announced=False)

    def _process_packet(self, packet: VoicePacket, at: float) -> None:
        """Decrypt a packet and handle the result. If it has a frame, handle the pending packets of its stream first."""
        result = self._decryptor.decrypt(packet, self._claimed(packet.ssrc), at)
        if isinstance(result, AttributedFrame):
            # The pending packets of the stream waited for the same key, and come before this one.
            self._retry(packet.ssrc)
        self._handle(packet, at, result)

    def _retry(self, ssrc: int) -> None:
        """Try again to decrypt the pending packets of a stream."""
        for pending in self._pending.take(ssrc):
            result = self._decryptor.decrypt(pending.packet, self._claimed(ssrc), pending.at)
            self._handle(pending.packet, pending.at, result)

    def _handle(self, packet: VoicePacket, at: float, result: AttributedFrame | NoFrame) -> None:
        """Decode the decrypted frame. If there is none, keep the packet as pending or count it as refused."""
        match result:
            case AttributedFrame(person, opus):
                stream = self._stream(packet.ssrc, person)
                stream.last_at = max(stream.last_at, at)
                self._decode(stream, stream.jitter.push(packet.sequence, opus, at))
            case NoFrame.REFUSED:
                self.counters.refused += 1
            case NoFrame.NOT_YET:
                self._pending.add(packet, at)

    def _claimed(self, ssrc: int) -> int | None:
        """The owner of a stream according to Discord, or else the person whose key has decrypted it before."""
        stream = self._streams.get(ssrc)
        return self._claims.get(ssrc, stream.person if stream is not None else None)

    def _stream(self, ssrc: int, person: int) -> _Stream:
        """The stream of a person with this SSRC; a new one if it is not known yet."""
        stream = self._streams.get(ssrc)
        if stream is None or stream.person != person:
            if len(self._streams) >= MAX_STREAMS:
                self._streams.pop(min(self._streams, key=lambda known: self._streams[known].last_at))
            stream = self._streams[ssrc] = _Stream(person)
        return stream

    def _decode(self, stream: _Stream, frames: list[Frame[bytes]]) -> None:
        """Decode frames that are in order, and report their sound. Frames of silence end the transmission."""
        for frame in frames:
            # A client sends frames of silence before it pauses. Without them, the next frame was only delayed.
            delayed = stream.stalled and not (frame.lost or frame.restarted)
            stream.stalled = False
            if frame.content == SILENCE:
                if stream.transmitting:
                    self._end_transmission(stream, frame.at, announced=True)
                continue
            sound = stream.decoder.decode(frame.content, frame.lost if stream.transmitting else 0)
            if sound is None:
                self.counters.not_opus += 1
                continue
            stream.transmitting = True
            self.counters.heard += 1
            self.counters.lost += frame.lost
            self._out(AudioFrame(stream.person, sound, frame.at, delayed=delayed))

    def _end_transmission(self, stream: _Stream, at: float, *, announced: bool) -> None:
        stream.transmitting = False
        stream.stalled = not announced
        self._out(TransmissionEnded(stream.person, at, announced))
