"""discord.py's voice client, and what it knows and does not tell; says so when its inside may have changed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import select
import struct
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import discord
from discord.voice_state import ConnectionFlowState, SocketReader, VoiceConnectionState

_log = logging.getLogger(__name__)

READER_POLL = 0.25
MAX_DATAGRAM = 2048


class PollingReader(SocketReader):
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


KNOWN_VERSION = "2.7."
CANCEL_INTERVAL = 0.2
KEEP_ALIVE_INTERVAL = 5.0


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


class _ConnectionState(VoiceConnectionState):
    """discord.py's connection with our reader."""

    _reader: PollingReader

    @property
    def _socket_reader(self) -> SocketReader:
        return self._reader

    @_socket_reader.setter
    def _socket_reader(self, _: SocketReader) -> None:
        # The constructor makes one and starts it at once; so ours has to be there before the start.
        self._reader = PollingReader(self)


class SeiyuuVoiceClient(discord.VoiceClient):
    """discord.py's voice client, plus what it knows and does not tell. For ``channel.connect(cls=…)``.

    Both are called on the event loop: ``on_removed`` when somebody else put the bot out of the channel,
    ``on_voice_op`` with the number and the data of each message of the voice gateway.
    """

    supported_modes = ("aead_xchacha20_poly1305_rtpsize",)

    def __init__(self, client: discord.Client, channel: discord.abc.Connectable) -> None:
        super().__init__(client, channel)
        self.on_removed: Callable[[], None] | None = None
        self.on_voice_op: Callable[[int, Any], None] | None = None
        self._last_keep_alive = time.monotonic()
        self._keep_alives = 0

    def create_connection_state(self) -> VoiceConnectionState:
        """Our connection state instead of discord.py's."""
        check_discord_version()
        return _ConnectionState(self, hook=self._on_voice_message)

    async def _on_voice_message(self, _: Any, message: Any) -> None:
        if self.on_voice_op is not None and isinstance(message, dict):
            self.on_voice_op(message.get("op", -1), message.get("d"))

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
        if connection.ws:
            # Where Discord's own gateway is gone, discord.py leaves the voice server's open, and a thread for it.
            with contextlib.suppress(OSError, aiohttp.ClientError):
                await connection.ws.close()
        await asyncio.to_thread(connection._socket_reader.join, 2 * READER_POLL)
