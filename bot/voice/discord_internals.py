"""The one room in which discord.py's private names are known; it says so when they may have changed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import select
import struct
import time
from collections.abc import Callable
from typing import Any, Protocol

import davey
import discord
from discord import opus
from discord.voice_state import ConnectionFlowState, SocketReader, VoiceConnectionState

from bot.voice.receive.opening import NotOpened
from bot.voice.receive.rtp import TransportCipher, transport_cipher

_log = logging.getLogger(__name__)

KNOWN_VERSION = "2.7."
READER_POLL = 0.25
MAX_DATAGRAM = 2048
CANCEL_INTERVAL = 0.2
KEEP_ALIVE_INTERVAL = 5.0
PLAIN_LIMIT = 2.0
"""Seconds that sound waits for end-to-end encryption; who is alone in a channel may never get a key."""
_SPEAKING, _CLIENT_DISCONNECT = 5, 13
MIN_KBPS, MAX_KBPS = 16, 96
EXPECTED_LOSS = 0.1


def check_discord_version() -> None:
    """See whether the installed discord.py is one whose inside we know.

    Raises:
        RuntimeError: it is not.
    """
    if not discord.__version__.startswith(KNOWN_VERSION):
        raise RuntimeError(
            f"discord.py {discord.__version__} is installed, but the voice connection is written for "
            f"{KNOWN_VERSION}x. Install the pinned requirements."
        )


class _PollingReader(SocketReader):
    """discord.py's reader with a short poll: its own stays deaf for 30 s when the socket was replaced under it.

    It also ends when it was stopped before it had begun; discord.py's forgets that and stays for ever.
    """

    def __init__(self, state: VoiceConnectionState) -> None:
        super().__init__(state)
        self._idle_paused = False

    def run(self) -> None:
        """Hand on datagrams until :meth:`stop`."""
        while not self._end.is_set():
            if self._running.is_set():
                self._read()
            else:
                self._running.wait()
        self._callbacks.clear()

    def _read(self) -> None:
        try:
            readable, _, _ = select.select([self.state.socket], [], [], READER_POLL)
            if not readable:
                return
            data = self.state.socket.recv(MAX_DATAGRAM)
        except (ValueError, TypeError, OSError):
            # The socket is being replaced or is gone; a moment, so as not to spin meanwhile.
            self._end.wait(READER_POLL / 10)
            return
        for callback in tuple(self._callbacks):
            try:
                callback(data)
            except Exception:
                _log.exception("A datagram could not be handled")


class _ConnectionState(VoiceConnectionState):
    """discord.py's connection with our reader."""

    _reader: _PollingReader

    @property
    def _socket_reader(self) -> SocketReader:
        return self._reader

    @_socket_reader.setter
    def _socket_reader(self, _: SocketReader) -> None:
        # The constructor makes one and starts it at once; so ours has to be there before the start.
        self._reader = _PollingReader(self)


class SeiyuuVoiceClient(discord.VoiceClient):
    """discord.py's voice client, plus what it knows and does not tell. For ``channel.connect(cls=…)``.

    ``on_removed`` is called on the event loop when somebody else put the bot out of the channel.
    """

    supported_modes = ("aead_xchacha20_poly1305_rtpsize",)

    def __init__(self, client: discord.Client, channel: discord.abc.Connectable) -> None:
        super().__init__(client, channel)
        self.on_removed: Callable[[], None] | None = None
        self.packets: DiscordPacketSource | None = None
        self._last_keep_alive = time.monotonic()
        self._keep_alives = 0

    def create_connection_state(self) -> VoiceConnectionState:
        """Our connection state instead of discord.py's."""
        check_discord_version()
        return _ConnectionState(self, hook=self._on_voice_message)

    async def _on_voice_message(self, _: Any, message: Any) -> None:
        if self.packets is not None and isinstance(message, dict):
            self.packets.on_voice_op(message.get("op", -1), message.get("d"))

    async def on_voice_state_update(self, data: Any) -> None:
        """discord.py's handler; tells a removal from a leave of its own before it is forgotten."""
        removed = data["channel_id"] is None and not self._connection._expecting_disconnect
        await super().on_voice_state_update(data)
        if removed and self.on_removed is not None:
            self.on_removed()

    @property
    def healthy(self) -> bool:
        """True while the voice server takes packets and discord.py still reads its socket; it can say the one alone."""
        runner = self._connection._runner
        return self.listened_to and runner is not None and not runner.done()

    @property
    def listened_to(self) -> bool:
        """True while the voice server takes packets; discord.py calls itself connected for a while after a close."""
        return self.is_connected() and self.ws.ws.close_code is None

    @property
    def end_to_end_encrypted(self) -> bool:
        """True while DAVE is in force."""
        return bool(self._connection.can_encrypt)

    @property
    def awaits_encryption(self) -> bool:
        """True while the call is to be encrypted end to end but we have no key yet."""
        return self._connection.dave_protocol_version != 0 and not self.end_to_end_encrypted

    def stay_known(self) -> None:
        """Be told of voice states again after a gateway session that could not be resumed.

        discord.py then forgets its voice clients and makes its channels anew, while the call goes on.
        """
        if self._state._get_voice_client(self.guild.id) is None:
            self._state._add_voice_client(self.guild.id, self)
        fresh = self._state.get_channel(self.channel.id)
        if isinstance(fresh, discord.VoiceChannel | discord.StageChannel):
            self.channel = fresh

    def keep_alive(self) -> None:
        """Send a datagram every 5 s: behind NAT a bot that only listens goes deaf. Call it at least that often."""
        now = time.monotonic()
        if now - self._last_keep_alive < KEEP_ALIVE_INTERVAL:
            return
        self._last_keep_alive = now
        self._keep_alives += 1
        with contextlib.suppress(OSError, AttributeError):
            self._connection.socket.send(struct.pack("<Q", self._keep_alives))

    async def abandon(self) -> None:
        """Leave, whatever state the connection is in, and end everything discord.py started for it."""
        self.stay_known()
        connection = self._connection
        for task in (connection._connector, connection._runner):
            # Once is not enough: in Python 3.11 `wait_for` forgets a cancellation that meets a message.
            while task is not None and not task.done():
                task.cancel()
                await asyncio.wait([task], timeout=CANCEL_INTERVAL)
        if connection.state is ConnectionFlowState.disconnected:
            connection._socket_reader.stop()
            self.cleanup()
        else:
            await self.disconnect(force=True)
        await asyncio.to_thread(connection._socket_reader.join, 2 * READER_POLL)


class VoiceListener(Protocol):
    """Is told what the voice server sends; from any thread, and must not wait."""

    def datagram(self, data: bytes, at: float) -> None:
        """A datagram, that arrived at a monotonic time."""
        ...

    def speaking(self, ssrc: int, person: int) -> None:
        """Discord says whose stream this is."""
        ...

    def left(self, person: int) -> None:
        """This person has left the channel."""
        ...


class DiscordPacketSource:
    """Hands what comes from whichever voice client is attached to a listener, and opens its packets.

    It is the :class:`~bot.voice.receive.receiver.Transport` and the :class:`~bot.voice.receive.opening.EndToEnd` of a
    receiver. Attach, detach and listen from the event loop; ask for keys from any thread.
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
        client.packets = self
        client._connection.add_socket_listener(self._on_datagram)

    def detach(self) -> None:
        """Listen to nobody."""
        client, self._client = self._client, None
        if client is not None:
            client.packets = None
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
                listener.left(int(data["user_id"]))
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
        """The Opus frame; raises :class:`~bot.voice.receive.opening.NotOpened`."""
        session = self._session()
        if session is None:
            raise NotOpened("there is no group")
        try:
            return bytes(session.decrypt(person, davey.MediaType.audio, frame))
        except (ValueError, RuntimeError) as error:
            raise NotOpened(str(error)) from error


class DiscordPacketSink:
    """A :class:`~bot.voice.speaking.sender.PacketSink` over whichever voice client is attached.

    discord.py encrypts each packet as it is sent; making its cipher anew each time costs 0.3 µs of the packet's 250.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._loop = loop
        self._clock = clock
        self._client: SeiyuuVoiceClient | None = None
        self._plain_since: float | None = None
        self._telling: set[asyncio.Task[None]] = set()

    def attach(self, client: SeiyuuVoiceClient) -> None:
        """Send through this client from now on; from the event loop."""
        kbps = client.channel.bitrate // 1000
        client.encoder = opus.Encoder(
            application="voip",
            bitrate=min(max(kbps, MIN_KBPS), MAX_KBPS),
            fec=True,
            expected_packet_loss=EXPECTED_LOSS,
            bandwidth="full",
            signal_type="voice",
        )
        self._client = client

    def detach(self) -> None:
        """Send nothing from now on; from the event loop."""
        self._client = None
        for task in self._telling:
            task.cancel()

    @property
    def connected(self) -> bool:
        """True while packets can be sent and listeners can decrypt them."""
        client = self._client
        return client is not None and client.listened_to and not self._too_early(client)

    def _too_early(self, client: SeiyuuVoiceClient) -> bool:
        """True for a moment where the key is on its way: what is sent plain into an encrypted call is thrown away."""
        if not client.awaits_encryption:
            self._plain_since = None
            return False
        now = self._clock()
        if self._plain_since is None:
            self._plain_since = now
        return now - self._plain_since < PLAIN_LIMIT

    def send(self, pcm: bytes) -> None:
        """Encode, encrypt and send 20 ms of stereo 16-bit PCM."""
        self._send(pcm, encode=True)

    def send_silence(self) -> None:
        """Send Opus's frame of silence, as it is."""
        self._send(discord.opus.OPUS_SILENCE, encode=False)

    def _send(self, data: bytes, *, encode: bool) -> None:
        client = self._client
        if client is None:
            return
        try:
            client.send_audio_packet(data, encode=encode)
        except Exception as error:
            # The connection can go away between two lines of discord.py's; one lost packet is no more than that.
            _log.debug("A packet was lost: %r", error)

    def set_speaking(self, speaking: bool) -> None:
        """Tell Discord, in the background."""
        # The loop may have been closed just now; then nobody needs to be told.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._tell_speaking, speaking)

    def _tell_speaking(self, speaking: bool) -> None:
        client = self._client
        if client is None or not client.listened_to:
            return
        state = discord.SpeakingState.voice if speaking else discord.SpeakingState.none
        task = self._loop.create_task(client.ws.speak(state), name="speaking")
        self._telling.add(task)
        task.add_done_callback(self._told)

    def _told(self, task: asyncio.Task[None]) -> None:
        self._telling.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.warning("Could not tell Discord who speaks: %r", task.exception())
