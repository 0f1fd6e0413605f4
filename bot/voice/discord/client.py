"""The voice client: discord.py's own, with private parts of it that a call needs.

The private parts are those of one version of discord.py, so the version is checked (:func:`check_discord_version`).
"""

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
from discord.gateway import DiscordVoiceWebSocket
from discord.voice_state import ConnectionFlowState, SocketReader, VoiceConnectionState

from bot.voice.discord.link_life import LinkLife

_log = logging.getLogger(__name__)

READER_POLL = 0.25
"""Seconds to wait for a datagram before the thread checks whether it was stopped or its socket was replaced."""
MAX_DATAGRAM = 2048
"""Maximum number of bytes that are read of a datagram."""
KNOWN_VERSION = "2.7."
"""Start of the version number of each discord.py that has the private parts used here."""
CANCEL_INTERVAL = 0.2
"""Seconds between two cancellations of a task."""
KEEP_ALIVE_INTERVAL = 5.0
"""Seconds between two keep-alive datagrams."""
DISCOVERY_REQUEST = struct.Struct(">HHI66x")
"""A question for the bot's address: its type, the number of bytes after that number, and the SSRC."""
SPEAKING = 5
"""The opcode of the voice gateway's message that somebody begins or ends to speak."""
DISCOVERY_ANSWER = b"\x00\x02"
"""The type of the answer to a :data:`DISCOVERY_REQUEST`. The answer is as long as that question."""


class PollingReader(SocketReader):
    """The thread that reads datagrams from the voice socket, in place of discord.py's reader.

    discord.py's reader receives nothing for 30 s after its socket was replaced; this one polls more often.
    discord.py's reader never ends if it is stopped before it has begun; this one does.
    """

    def __init__(self, state: VoiceConnectionState) -> None:
        super().__init__(state)
        self._idle_paused = False

    def run(self) -> None:
        """Pass datagrams to the callbacks until :meth:`stop`."""
        while not self._end.is_set():
            if self._running.is_set():
                self._read()
            else:
                self._running.wait()
        self._callbacks.clear()

    def _read(self) -> None:
        """Wait for a datagram and pass it to the callbacks."""
        try:
            readable, _, _ = select.select([self.state.socket], [], [], READER_POLL)
            if not readable:
                return
            data = self.state.socket.recv(MAX_DATAGRAM)
        except (ValueError, TypeError, OSError):
            # The socket is being replaced, or is gone. Without this wait, :meth:`run` would use a whole processor core.
            self._end.wait(READER_POLL / 10)
            return
        for callback in tuple(self._callbacks):
            try:
                callback(data)
            except Exception:
                _log.exception("A datagram could not be handled")


def check_discord_version() -> None:
    """Check that the installed discord.py has version :data:`KNOWN_VERSION`.

    Raises:
        RuntimeError: it has another version.
    """
    if not discord.__version__.startswith(KNOWN_VERSION):
        raise RuntimeError(
            f"discord.py {discord.__version__} is installed, but the voice connection is written for "
            f"{KNOWN_VERSION}x. Install the pinned requirements."
        )


class _ConnectionState(VoiceConnectionState):
    """discord.py's connection state with a :class:`PollingReader`. It can end all of its tasks."""

    _reader: PollingReader
    close_code: int | None = None
    address_known = False

    def __init__(self, voice_client: discord.VoiceClient, *, hook: Any) -> None:
        self._started: list[asyncio.Task[Any]] = []
        super().__init__(voice_client, hook=hook)

    def __setattr__(self, name: str, value: Any) -> None:
        # discord.py forgets a task as soon as it has cancelled it, although the task may go on.
        if name in ("_runner", "_connector") and value is not None:
            self._started = [*(task for task in self._started if not task.done()), value]
            value.add_done_callback(_note_end)
        # discord.py forgets the bot's address when a connection fails.
        if name == "ip" and value:
            self.address_known = True
        super().__setattr__(name, value)

    async def _connect_websocket(self, resume: bool) -> DiscordVoiceWebSocket:
        # discord.py passes no close code on, and may have made another connection by the time the link looks.
        gateway = await super()._connect_websocket(resume)
        poll_event = gateway.poll_event

        async def poll() -> None:
            try:
                await poll_event()
            except discord.ConnectionClosed as closed:
                self.close_code = closed.code
                raise

        gateway.poll_event = poll  # type: ignore[method-assign]
        return gateway

    async def end_tasks(self) -> None:
        """Cancel all tasks that discord.py has started for this connection, except the current one, until they end."""
        while tasks := [task for task in self._started if not task.done() and task is not asyncio.current_task()]:
            for task in tasks:
                task.cancel()
            # One cancellation is not enough: Python 3.11's `wait_for` loses it if a message arrives at the same time.
            await asyncio.wait(tasks, timeout=CANCEL_INTERVAL)

    @property
    def _socket_reader(self) -> SocketReader:
        return self._reader

    @_socket_reader.setter
    def _socket_reader(self, _: SocketReader) -> None:
        # discord.py's constructor assigns a reader of its own here, then reads the property and starts the reader that
        # it gets. So the assigned reader is ignored, and ours is started.
        self._reader = PollingReader(self)


def _note_end(task: asyncio.Task[Any]) -> None:
    """Log why a task of discord.py has ended. Nobody awaits the task: the link sees that the connection is dead."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.debug("%s has ended: %r", task.get_name(), error)


class SeiyuuVoiceClient(discord.VoiceClient):
    """discord.py's voice client with events and state that discord.py keeps private.

    Pass this class to ``channel.connect(cls=…)``.

    Attributes:
        on_removed: called on the event loop when somebody else has removed the bot from the channel.
        on_voice_op: called on the event loop with the opcode and the data of each message of the voice gateway.
    """

    supported_modes = ("aead_xchacha20_poly1305_rtpsize",)

    def __init__(self, client: discord.Client, channel: discord.abc.Connectable) -> None:
        super().__init__(client, channel)
        self.on_removed: Callable[[], None] | None = None
        self.on_voice_op: Callable[[int, Any], None] | None = None
        self._life: LinkLife | None = None
        self._last_keep_alive = time.monotonic()
        self._keep_alives = 0

    def create_connection_state(self) -> VoiceConnectionState:
        """Make the connection state with our reader; raises :class:`RuntimeError` for an unknown discord.py."""
        check_discord_version()
        self._own_connection = _ConnectionState(self, hook=self._on_voice_message)
        return self._own_connection

    async def _on_voice_message(self, _: Any, message: Any) -> None:
        op, data = (message.get("op", -1), message.get("d")) if isinstance(message, dict) else (-1, None)
        if self._life is not None:
            self._life.gateway_spoke()
            if op == SPEAKING and isinstance(data, dict) and self._is_person_who_begins_to_speak(data):
                self._life.somebody_speaks()
        if self.on_voice_op is not None and isinstance(message, dict):
            self.on_voice_op(op, data)

    def _is_person_who_begins_to_speak(self, data: dict[str, Any]) -> bool:
        """Whether the voice gateway says that somebody speaks into a microphone.

        Other bots do not count: a music bot may say so and send nothing, for its next song has to be loaded first.
        """
        flags, person = data.get("speaking"), str(data.get("user_id"))
        if not isinstance(flags, int) or not flags & discord.SpeakingState.voice.value:
            return False
        return not any(member.bot and str(member.id) == person for member in self.channel.members)

    async def on_voice_state_update(self, data: Any) -> None:
        """Handle a change of the bot's voice state, and call :attr:`on_removed` if somebody has removed the bot."""
        # discord.py's handler clears the flag that says that the bot itself is leaving, so the flag is read first.
        removed = data["channel_id"] is None and not self._connection._expecting_disconnect
        await super().on_voice_state_update(data)
        if removed and self.on_removed is not None:
            self.on_removed()

    @property
    def close_code(self) -> int | None:
        """The close code of the last connection that the voice gateway has closed; ``None`` if it has closed none."""
        return self._own_connection.close_code

    def forget_close(self) -> None:
        """Forget :attr:`close_code`, because a connection stands again."""
        self._own_connection.close_code = None

    @property
    def no_packets(self) -> bool:
        """True if the voice gateway has let the bot in, but the first packet was never answered."""
        return self._own_connection.ssrc is not discord.utils.MISSING and not self._own_connection.address_known

    @property
    def healthy(self) -> bool:
        """True while the voice server takes packets, and discord.py's task that reads the voice gateway runs."""
        runner = self._connection._runner
        return self.server_connected and runner is not None and not runner.done()

    @property
    def server_connected(self) -> bool:
        """True while the voice server takes packets.

        discord.py's ``is_connected`` stays true for some time after the connection was closed.
        """
        return self.is_connected() and self.ws.ws.close_code is None

    @property
    def end_to_end_encrypted(self) -> bool:
        """True while DAVE is in force."""
        return bool(self._connection.can_encrypt)

    @property
    def awaits_encryption(self) -> bool:
        """True while the call is to be encrypted end to end and the bot has no key yet."""
        return self._connection.dave_protocol_version != 0 and not self.end_to_end_encrypted

    def stay_registered(self) -> None:
        """Register this client with discord.py again, so that it gets voice state updates.

        When a gateway session can't be resumed, discord.py forgets its voice clients and makes new channel objects,
        although the call goes on.
        """
        if self._state._get_voice_client(self.guild.id) is None:
            self._state._add_voice_client(self.guild.id, self)
        fresh = self._state.get_channel(self.channel.id)
        if isinstance(fresh, discord.VoiceChannel | discord.StageChannel):
            self.channel = fresh

    def show_life(self, life: LinkLife) -> None:
        """Tell ``life`` of each message of the voice gateway, and of each datagram of the voice server."""
        self._life = life

        def note(data: bytes) -> None:
            life.datagram_came(answer=len(data) == DISCOVERY_REQUEST.size and data[:2] == DISCOVERY_ANSWER)

        self._connection.add_socket_listener(note)
        life.connected()

    def ask_address(self) -> None:
        """Ask the voice server for the bot's own address (IP discovery). The answer shows that datagrams arrive."""
        with contextlib.suppress(OSError, AttributeError):
            self._connection.socket.send(DISCOVERY_REQUEST.pack(1, 70, self._connection.ssrc))

    def keep_alive(self) -> None:
        """Send a datagram if the last one is :data:`KEEP_ALIVE_INTERVAL` old. Call this method at least that often.

        Without these datagrams a NAT drops the connection of a bot that only listens.
        """
        now = time.monotonic()
        if now - self._last_keep_alive < KEEP_ALIVE_INTERVAL:
            return
        self._last_keep_alive = now
        self._keep_alives += 1
        with contextlib.suppress(OSError, AttributeError):
            self._connection.socket.send(struct.pack("<Q", self._keep_alives))

    async def disconnect(self, *, force: bool = False) -> None:
        """Leave the channel, and end the tasks and the thread of the connection.

        discord.py itself leaves the task that reads the voice gateway running. If the voice server has just changed,
        that task goes on to connect to the new server, which takes up to 30 s. If Discord does not confirm that the bot
        has left, discord.py waits until its timeout is over, and a cancellation is lost meanwhile.
        """
        connection = self._own_connection
        await connection.end_tasks()
        if connection.state is ConnectionFlowState.disconnected:
            connection._socket_reader.stop()
            self.cleanup()
        elif force or self.is_connected():
            self.stop()
            try:
                await connection.disconnect(cleanup=False)
                await self._wait_until_left()
            finally:
                connection._socket_reader.stop()
                self.cleanup()
        await asyncio.to_thread(connection._socket_reader.join, 2 * READER_POLL)

    async def _wait_until_left(self) -> None:
        """Wait for Discord to confirm that the bot has left the channel, if there is a connection for that.

        If the bot joined again before that, discord.py would take the confirmation for the end of the new connection.
        """
        gateway = self.client.ws
        if gateway is not None and gateway.open:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._own_connection.timeout):
                    await self._own_connection._disconnected.wait()

    async def abandon(self) -> None:
        """Leave the channel in any state of the connection, and end all that discord.py has started for it."""
        self.stay_registered()
        connection = self._connection
        await self.disconnect(force=True)
        if connection.ws:
            # If Discord's main gateway is gone, discord.py leaves the voice gateway open, with its thread.
            with contextlib.suppress(OSError, aiohttp.ClientError):
                await connection.ws.close()
