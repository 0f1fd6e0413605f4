"""What Discord sends of people's sound: datagrams in, frames out, on the thread that listens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from bot.voice.discord.opening import EndToEnd
from bot.voice.discord.packet_source import VoiceListener
from bot.voice.discord.receiver import CipherSource, Receiver
from bot.voice.transport import Admits, InputThread


class Packets(CipherSource, EndToEnd, Protocol):
    """Where datagrams come from, and the keys that open them."""

    def listen(self, listener: VoiceListener) -> Callable[[], None]:
        """Tell ``listener`` everything, until the returned function is called."""
        ...


class DiscordAudioInput:
    """An :class:`~bot.voice.transport.AudioInput` over the packets of a voice connection.

    A datagram is taken on the thread that reads the socket, and opened and decoded on the one that listens.
    """

    def __init__(self, packets: Packets) -> None:
        self._packets = packets
        self._receiver: Receiver | None = None
        self._unlisten: Callable[[], None] | None = None

    def start(self, thread: InputThread, admits: Admits) -> None:
        """Hand what is heard of those who are admitted to this thread, from now on."""
        self._receiver = Receiver(self._packets, self._packets, thread.heard, admits)
        self._unlisten = self._packets.listen(_Listener(self._receiver, thread))

    def stop(self) -> None:
        """Hand on nothing more."""
        if self._unlisten is not None:
            self._unlisten()

    @property
    def deadline(self) -> float | None:
        """When :meth:`tick` is due, in monotonic seconds."""
        return self._receiver.deadline if self._receiver is not None else None

    def tick(self, now: float) -> None:
        """Give up waiting for what is overdue."""
        if self._receiver is not None:
            self._receiver.tick(now)

    def left(self, person: int, at: float) -> None:
        """Keep nothing of this person, and hand on that they left."""
        if self._receiver is not None:
            self._receiver.left(person, at)


class _Listener:
    """Hands what the voice server sends to the thread that listens."""

    def __init__(self, receiver: Receiver, thread: InputThread) -> None:
        self._receiver = receiver
        self._thread = thread

    def datagram(self, data: bytes, at: float) -> None:
        """A datagram, that arrived at a monotonic time."""
        self._thread.offer(self._receiver.datagram, data, at)

    def speaking(self, ssrc: int, person: int) -> None:
        """Discord says whose stream this is."""
        self._thread.post(self._receiver.speaking, ssrc, person)

    def left(self, person: int) -> None:
        """This person has left the channel."""
        self._thread.left(person)
