"""What Discord sends of people's sound: datagrams and keys in, frames out, on the thread that listens."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Protocol

import davey

from bot.voice.discord.client import SeiyuuVoiceClient
from bot.voice.discord.opening import EndToEnd, NotOpened
from bot.voice.discord.receiver import CipherSource, Receiver
from bot.voice.discord.rtp import TransportCipher, transport_cipher
from bot.voice.transport import Admits, InputThread

_log = logging.getLogger(__name__)

_SPEAKING, _CLIENT_DISCONNECT = 5, 13


class VoiceListener(Protocol):
    """Is told what the voice server sends; from any thread, and must not wait."""

    def datagram(self, data: bytes, at: float) -> None:
        """A datagram, that arrived at a monotonic time."""
        ...

    def speaking(self, ssrc: int, person: int) -> None:
        """Discord says whose stream this is."""
        ...

    def person_left(self, person: int) -> None:
        """This person has left the channel."""
        ...


class DiscordPacketSource:
    """Hands what comes from whichever voice client is attached to a listener, and opens its packets.

    It is a receiver's :class:`~bot.voice.discord.receiver.CipherSource` and
    :class:`~bot.voice.discord.opening.EndToEnd`. Attach, detach and listen from the event loop; ask for keys from any
    thread.
    """

    def __init__(self) -> None:
        self._client: SeiyuuVoiceClient | None = None
        self._listener: VoiceListener | None = None
        self._cipher: tuple[bytes, TransportCipher] | None = None

    def listen(self, listener: VoiceListener) -> Callable[[], None]:
        """Tell ``listener`` everything, until the returned function is called."""
        self._listener = listener
        return self._listen_no_longer

    def _listen_no_longer(self) -> None:
        self._listener = None

    def attach(self, client: SeiyuuVoiceClient) -> None:
        """Listen to this client from now on."""
        self._client = client
        client.on_voice_op = self.on_voice_op
        client._connection.add_socket_listener(self._on_datagram)

    def detach(self) -> None:
        """Listen to nobody."""
        client, self._client = self._client, None
        if client is not None:
            client.on_voice_op = None
            client._connection.remove_socket_listener(self._on_datagram)

    def on_voice_op(self, op: int, data: Any) -> None:
        """A message of the voice gateway, on the event loop; what is malformed in it is passed over."""
        listener = self._listener
        if listener is None or not isinstance(data, dict):
            return
        try:
            if op == _SPEAKING:
                listener.speaking(int(data["ssrc"]), int(data["user_id"]))
            elif op == _CLIENT_DISCONNECT:
                listener.person_left(int(data["user_id"]))
        except (KeyError, ValueError, TypeError) as error:
            _log.debug("A voice message could not be read: %r", error)

    def _on_datagram(self, data: bytes) -> None:
        listener = self._listener
        if listener is not None:
            listener.datagram(data, time.monotonic())

    @property
    def cipher(self) -> TransportCipher | None:
        """What opens the connection's packets; ``None`` while there is no key."""
        client = self._client
        secret = getattr(client._connection, "secret_key", None) if client is not None else None
        if client is None or not isinstance(secret, list):
            return None
        key = bytes(secret)
        if self._cipher is None or self._cipher[0] != key:
            self._cipher = (key, transport_cipher(client._connection.mode, key))
        return self._cipher[1]

    @property
    def version(self) -> int:
        """DAVE's protocol version; 0 while frames are plain."""
        client = self._client
        return client._connection.dave_protocol_version if client is not None else 0

    def _session(self) -> davey.DaveSession | None:
        return self._client._connection.dave_session if self._client is not None else None

    def members(self) -> list[int]:
        """The people in the group, by their user ids, without the bot."""
        session, client = self._session(), self._client
        if session is None or client is None:
            return []
        own = client.user.id
        return [person for person in map(int, session.get_user_ids()) if person != own]

    def decrypt(self, person: int, frame: bytes) -> bytes:
        """The Opus frame; raises :class:`~bot.voice.discord.opening.NotOpened`."""
        session = self._session()
        if session is None:
            raise NotOpened("there is no group")
        try:
            return bytes(session.decrypt(person, davey.MediaType.audio, frame))
        except (ValueError, RuntimeError) as error:
            raise NotOpened(str(error)) from error


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
        self._receiver = Receiver(self._packets, self._packets, thread.receive, admits)
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

    def person_left(self, person: int, at: float) -> None:
        """Keep nothing of this person, and hand on that they left."""
        if self._receiver is not None:
            self._receiver.person_left(person, at)


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

    def person_left(self, person: int) -> None:
        """This person has left the channel."""
        self._thread.person_left(person)
