"""The audio input from Discord: datagrams and keys of a voice connection become frames of people's sound."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Protocol

import davey

from bot.voice.discord.client import SPEAKING, SeiyuuVoiceClient
from bot.voice.discord.dave import DecryptionError, EndToEndEncryption
from bot.voice.discord.receiver import CipherSource, Receiver
from bot.voice.discord.rtp import TransportCipher, transport_cipher
from bot.voice.transport import Admits, InputThread

_log = logging.getLogger(__name__)

_CLIENT_DISCONNECT = 13
"""The opcode of the voice gateway's message that somebody has left."""


class VoiceListener(Protocol):
    """Takes what the voice server sends. Its methods are called on any thread, and must not block."""

    def datagram(self, data: bytes, at: float) -> None:
        """Take a datagram that arrived at ``at`` (monotonic seconds)."""
        ...

    def speaking(self, ssrc: int, person: int) -> None:
        """Take Discord's message that the stream ``ssrc`` belongs to ``person``."""
        ...

    def person_left(self, person: int) -> None:
        """Take the message that a person has left the channel."""
        ...


class DiscordPacketSource:
    """Passes the datagrams and messages of the attached voice client to a listener, and decrypts frames with the
    client's keys.

    It is the :class:`~bot.voice.discord.receiver.CipherSource` and the
    :class:`~bot.voice.discord.dave.EndToEndEncryption` of a receiver. Call :meth:`attach`, :meth:`detach` and
    :meth:`listen` on the event loop. All members for decryption may be used on any thread.
    """

    def __init__(self) -> None:
        self._client: SeiyuuVoiceClient | None = None
        self._listener: VoiceListener | None = None
        self._cipher: tuple[bytes, TransportCipher] | None = None

    def listen(self, listener: VoiceListener) -> Callable[[], None]:
        """Pass everything to ``listener`` until the returned function is called."""
        self._listener = listener
        return self._stop_listening

    def _stop_listening(self) -> None:
        self._listener = None

    def attach(self, client: SeiyuuVoiceClient) -> None:
        """Receive from this client from now on."""
        self._client = client
        client.on_voice_op = self.on_voice_op
        client._connection.add_socket_listener(self._on_datagram)

    def detach(self) -> None:
        """Receive nothing from now on."""
        client, self._client = self._client, None
        if client is not None:
            client.on_voice_op = None
            client._connection.remove_socket_listener(self._on_datagram)

    def on_voice_op(self, op: int, data: Any) -> None:
        """Handle a message of the voice gateway. Malformed messages are ignored. Called on the event loop."""
        listener = self._listener
        if listener is None or not isinstance(data, dict):
            return
        try:
            if op == SPEAKING:
                listener.speaking(int(data["ssrc"]), int(data["user_id"]))
            elif op == _CLIENT_DISCONNECT:
                listener.person_left(int(data["user_id"]))
        except (KeyError, ValueError, TypeError, OverflowError) as error:
            _log.debug("A message of the voice gateway could not be read: %r", error)

    def _on_datagram(self, data: bytes) -> None:
        """Pass a datagram to the listener. Called on the thread that reads the socket."""
        listener = self._listener
        if listener is not None:
            listener.datagram(data, time.monotonic())

    @property
    def cipher(self) -> TransportCipher | None:
        """The cipher of the connection's transport encryption; ``None`` while there is no key."""
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
        """The version of the DAVE protocol; 0 while frames are not encrypted end to end."""
        client = self._client
        return client._connection.dave_protocol_version if client is not None else 0

    def _session(self) -> davey.DaveSession | None:
        return self._client._connection.dave_session if self._client is not None else None

    def members(self) -> list[int]:
        """The user ids of the people in the DAVE group, without the bot."""
        session, client = self._session(), self._client
        if session is None or client is None:
            return []
        own = client.user.id
        return [person for person in map(int, session.get_user_ids()) if person != own]

    def decrypt(self, person: int, frame: bytes) -> bytes:
        """Decrypt a frame with a person's key; returns the Opus frame.

        Raises:
            DecryptionError: the frame was not encrypted with this key, or there is no key.
        """
        session = self._session()
        if session is None:
            raise DecryptionError("there is no DAVE group")
        try:
            return bytes(session.decrypt(person, davey.MediaType.audio, frame))
        except (ValueError, RuntimeError) as error:
            raise DecryptionError(str(error)) from error


class PacketSource(CipherSource, EndToEndEncryption, Protocol):
    """A source of datagrams and of the keys that decrypt them; see :class:`DiscordPacketSource`."""

    def listen(self, listener: VoiceListener) -> Callable[[], None]:
        """Pass everything to ``listener`` until the returned function is called."""
        ...


class DiscordAudioInput:
    """The :class:`~bot.voice.transport.AudioInput` of a Discord voice connection.

    Datagrams arrive on the thread that reads the socket. They are decrypted and decoded on the input thread.

    Args:
        packets: source of datagrams and keys.
    """

    def __init__(self, packets: PacketSource) -> None:
        self._packets = packets
        self._receiver: Receiver | None = None
        self._unlisten: Callable[[], None] | None = None

    def start(self, thread: InputThread, admits: Admits) -> None:
        """Begin to pass the input events of admitted people to ``thread``."""
        self._receiver = Receiver(self._packets, self._packets, thread.receive, admits)
        self._unlisten = self._packets.listen(_Listener(self._receiver, thread))

    def stop(self) -> None:
        """Stop passing input events."""
        if self._unlisten is not None:
            self._unlisten()

    @property
    def not_decrypted(self) -> int:
        """Number of packets for which no key was found in time. May be read on any thread."""
        return self._receiver.counters.not_decrypted if self._receiver is not None else 0

    @property
    def deadline(self) -> float | None:
        """Time at which :meth:`tick` is due, in monotonic seconds; ``None`` if nothing is due."""
        return self._receiver.deadline if self._receiver is not None else None

    def tick(self, now: float) -> None:
        """Do what is due at ``now``; see :meth:`~bot.voice.discord.receiver.Receiver.tick`."""
        if self._receiver is not None:
            self._receiver.tick(now)

    def person_left(self, person: int, at: float) -> None:
        """Delete all that is known of a person, and report that the person has left."""
        if self._receiver is not None:
            self._receiver.person_left(person, at)


class _Listener:
    """Posts the datagrams and messages of the voice server to the input thread."""

    def __init__(self, receiver: Receiver, thread: InputThread) -> None:
        self._receiver = receiver
        self._thread = thread

    def datagram(self, data: bytes, at: float) -> None:
        """Post the datagram; it is dropped if the thread can't keep up."""
        self._thread.offer(self._receiver.datagram, data, at)

    def speaking(self, ssrc: int, person: int) -> None:
        """Post the message that the stream ``ssrc`` belongs to ``person``."""
        self._thread.post(self._receiver.speaking, ssrc, person)

    def person_left(self, person: int) -> None:
        """Post that a person has left the channel."""
        self._thread.person_left(person)
