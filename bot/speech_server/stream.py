"""The WebSocket to the speech server: one connection per call, which reconnects automatically."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from bot.speech_server.address import ServerAddress
from bot.speech_server.connecting import close_connection
from bot.speech_server.connector import SpeechConnector
from bot.speech_server.errors import ServerFailed, SpeechLimitError, SpeechUnavailable
from bot.speech_server.events import Connected, Disconnected, SpeechEvent
from bot.speech_server.frame_reader import FrameReader
from bot.speech_server.owed_sound import OwedSound
from bot.speech_server.servers import SpeechServers
from bot.speech_server.sound_limit import UNASKED, USELESS, SoundLimit
from web_access.socket_messages import MessageRate
from wire.fields import GarbledError
from wire.messages import ClientMessage, EngineChanged, Failure, Flushed, Loading, Notice, Speak

_log = logging.getLogger(__name__)

FIRST_NOTICE_LIMIT = 1.0
"""Seconds to wait for the server's first notice about its engine. Some servers send none, and count as ready."""
LOADING_LIMIT = 180.0
"""Seconds to wait for the engine to be loaded."""
SILENCE_TIMEOUT = 4.5
"""Seconds without a frame after which the server is pinged. It must answer within the same number of seconds."""
SLOW_AFTER = 5.0
"""When people have waited this many seconds in all for the sound of one reply, another server speaks its rest."""
LOOK_INTERVAL = 0.25
"""Seconds between two checks whether the server is too slow, if another one could speak in its place."""
MAX_EARLY = 20
"""Maximum number of notices that are kept while the engine is being loaded. Nothing else is expected then."""


class SpeechStream:
    """The connection of one call. Not thread-safe; :meth:`events` has one consumer.

    If there are several servers, the connection moves to another server as soon as its own is gone, fails or is too
    slow. Then :meth:`events` has a :class:`Disconnected` that is ``replaced``, and a
    :class:`~bot.speech_server.events.ServerMoved`.

    Args:
        servers: address of the server, or several servers that stand in for each other.
        silence_timeout: seconds without a frame after which the server is pinged. It must answer within the same number
            of seconds.
        slow_after: seconds that people wait for the sound of one reply before another server is asked; ``None`` for
            :data:`SLOW_AFTER`.
        sleep: waits for some seconds before an attempt to reconnect.
        clock: returns monotonic seconds.
    """

    def __init__(
        self,
        servers: ServerAddress | SpeechServers,
        *,
        silence_timeout: float = SILENCE_TIMEOUT,
        slow_after: float | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._servers = SpeechServers([servers]) if isinstance(servers, ServerAddress) else servers
        self._silence_timeout = silence_timeout
        self._slow_after = SLOW_AFTER if slow_after is None else slow_after
        self._connector = SpeechConnector(self._servers, sleep)
        self._owed = OwedSound(clock)
        self._sound = SoundLimit()
        self._useless = MessageRate(clock)
        self._connection: ClientConnection | None = None
        self._in_call = self._moving = False
        self._closing = asyncio.Event()
        self._early: list[SpeechEvent] = []
        self._reply: str | None = None
        """The reply that is being spoken, or was spoken last."""
        self._losses = 0
        """How often the server was lost."""
        self._moved: asyncio.Event | None = None
        """Set at the end of a move from a server that may not be asked for anything new; ``None`` without a move."""

    @property
    def connected(self) -> bool:
        """Whether the connection is open."""
        return self._connection is not None and self._connection.state is State.OPEN

    @property
    def address(self) -> ServerAddress:
        """The server that is connected, or was last."""
        return self._connector.address

    async def open(self) -> None:
        """Connect for the first time.

        Raises:
            SpeechUnavailable: the server does not answer, or refuses the connection.
        """
        await self._prepare()
        self._servers.begin_call()
        self._in_call = True
        try:
            self._connection = await self._connector.connect()
        except BaseException:
            self._end_call()
            raise
        self._early.extend(self._connector.news())

    async def loaded(self, report: Callable[[float], None]) -> None:
        """Wait until the server's preferred engine is loaded, or has failed. Call it before :meth:`events`.

        A server that sends no notices counts as ready, and so does one that has not loaded its engine within
        :data:`LOADING_LIMIT`, however often it reports progress.

        Args:
            report: called with the progress, 0 to 1.
        """
        latest = asyncio.get_running_loop().time() + LOADING_LIMIT
        with contextlib.suppress(TimeoutError, ConnectionClosed, GarbledError, ServerFailed):
            async with asyncio.timeout(FIRST_NOTICE_LIMIT) as limit:
                frames = FrameReader()
                while (connection := self._connection) is not None:
                    match await self._next(connection, frames):
                        case EngineChanged(_, "loading"):
                            limit.reschedule(latest)
                        case Loading(_, progress):
                            report(progress)
                        case EngineChanged() as state:
                            self._early.append(state)
                            return
                        case Notice() as notice if len(self._early) < MAX_EARLY:
                            self._early.append(notice)
                        case _:
                            pass

    async def send(self, message: ClientMessage) -> None:
        """Send a message. Waits if the server does not read.

        If the server has just been lost and there are others, the message is dropped: :meth:`events` tells of the loss
        as soon as everything that has come before it was read.

        Raises:
            SpeechUnavailable: there is no connection now, or today's limit is reached and the reply is a new one.
        """
        if isinstance(message, Speak) and message.reply != self._reply:
            losses = self._losses
            await self._prepare()
            if self._servers.must_leave(self.address):
                await self._move()
            self._reply = message.reply
            if losses != self._losses:
                return
        connection = self._connection
        if connection is None:
            if self._moving:
                return
            raise SpeechUnavailable("The speech server is away.")
        self._owed.sent(message)
        self._sound.sent(message)
        try:
            await connection.send(message.to_json())
        except ConnectionClosed as error:
            if self._connection in (None, connection) and not self._others_exist:
                raise SpeechUnavailable("The speech server is away.") from error

    async def _prepare(self) -> None:
        """Call this before something new is spoken. Raises SpeechLimitError if no server may be asked for it today."""
        await self._servers.prepare()
        if (why := self._servers.refusal()) is not None:
            raise SpeechLimitError(why)

    async def _move(self) -> None:
        """Have another server speak from now on. Returns when it is connected, or when none could be connected."""
        if (connection := self._connection) is None:
            # The connection is being restored already, to a server that may be asked.
            return
        moved = self._moved = asyncio.Event()
        await connection.close()
        await moved.wait()

    async def events(self) -> AsyncGenerator[SpeechEvent, None]:
        """All events of the server, in order, across reconnections, until :meth:`close`.

        If the consumer is slow, the server has to wait. Nothing is dropped, and little is buffered.
        """
        while self._early:
            yield self._early.pop(0)
        while not self._closing.is_set():
            connection = self._connection
            if connection is None:
                connection = self._connection = await self._connector.reconnect(self._closing)
                if connection is None:
                    return
                yield Connected()
                for news in self._connector.news():
                    yield news
            frames, slow = FrameReader(), False
            try:
                while True:
                    event = await self._next(connection, frames)
                    if event is not None:
                        event = self._sound.checked(event)
                        self._connector.frame_came()
                        self._note(event)
                        yield event
            except TimeoutError:
                reason = f"it gave no sign of life for {2 * self._silence_timeout:.0f} s"
                connection.transport.abort()
            except ServerFailed as error:
                reason, slow = str(error), error.slow
                connection.transport.abort()
            except ConnectionClosed as error:
                reason = str(error)
            except GarbledError as error:
                # The unreadable text may have held the end of a reply, which would be awaited forever.
                _log.warning("The speech server sent something unreadable: %s", error)
                reason = "what it sends can't be read"
                connection.transport.abort()
            if self._moved is not None and await self._connect_elsewhere(self._moved):
                continue
            if not self._closing.is_set():
                # Whoever gets this event may send the rest of a reply at once, before anything else is sent.
                yield Disconnected(reason, replaced=await self._replaced(slow=slow))
                for news in self._connector.news() if self._connection is not None else ():
                    yield news

    async def close(self) -> None:
        """Close the connection and end :meth:`events`."""
        self._closing.set()
        if self._moved is not None:
            self._moved.set()
        self._end_call()
        connection, self._connection = self._connection, None
        if connection is not None:
            await close_connection(connection)

    def _end_call(self) -> None:
        if self._in_call:
            self._in_call = False
            self._servers.end_call()

    async def _next(self, connection: ClientConnection, frames: FrameReader) -> SpeechEvent | None:
        """The event of the next frame; ``None`` if it was dropped.

        Raises the errors of :meth:`_receive`, GarbledError, and ServerFailed if too many frames were useless.
        """
        event = frames.read(await self._receive(connection))
        if self._sound.is_useless(event) and not self._useless.take():
            raise ServerFailed(USELESS)
        return event

    def _note(self, event: SpeechEvent) -> None:
        """Note an event of the server. Raises ServerFailed if the server is to be left."""
        if self._sound.unasked:
            raise ServerFailed(UNASKED)
        match event:
            case Flushed():
                self._servers.spoke(self.address)
            case Failure(error, "engine_failed" | "overloaded", reply) if self._owed.reply == reply is not None:
                if self._others_exist:
                    raise ServerFailed(error)
        self._owed.came(event)

    @property
    def _others_exist(self) -> bool:
        """Whether another server is believed to answer."""
        return self._servers.has_other(self.address)

    @property
    def _too_slow(self) -> bool:
        """Whether people have waited too long for the current reply, and another server could speak it."""
        return self._owed.late > self._slow_after and self._others_exist

    async def _receive(self, connection: ClientConnection) -> str | bytes:
        """The next frame.

        Raises ``TimeoutError`` if the server does not answer a ping, ``ConnectionClosed``, and ``ServerFailed`` if the
        server is too slow.

        The library's own keep-alive is not used. It would fail if the pong waits behind sound that the consumer has not
        read yet. Here the time counts only while a frame is being awaited.
        """
        pong: asyncio.Future[float] | None = None
        idle, was_too_slow = 0.0, False
        while True:
            limit = min(LOOK_INTERVAL, self._silence_timeout) if self._others_exist else self._silence_timeout
            self._owed.awaited()
            try:
                async with asyncio.timeout(limit):
                    frame = await connection.recv()
            except TimeoutError:
                # Only a second look in a row counts: if this program stood still for a moment, frames may be waiting
                # here.
                if was_too_slow and self._too_slow:
                    raise ServerFailed(f"its sound is more than {self._slow_after:g} s late", slow=True) from None
                was_too_slow = self._too_slow
                idle += limit
                if idle < self._silence_timeout:
                    continue
                if pong is not None and not pong.done():
                    raise
                pong, idle = asyncio.ensure_future(await connection.ping()), 0.0
            else:
                return frame

    async def _replaced(self, *, slow: bool) -> bool:
        """Leave the server, and connect to another one that is believed to answer. Returns whether that succeeded."""
        self._connection = None
        self._losses += 1
        self._owed.forget()
        self._sound = SoundLimit()
        self._moving = self._others_exist
        self._servers.failed(self.address, slow=slow)
        try:
            if self._moving:
                connection = await self._connector.connect(only_up=True)
                if not self._closing.is_set():
                    self._connection = connection
                    return True
                await close_connection(connection)
        except SpeechUnavailable as error:
            _log.warning("%s", error)
        finally:
            self._moving = False
        return False

    async def _connect_elsewhere(self, moved: asyncio.Event) -> bool:
        """Connect to a server that may be asked, if that is possible at once. People are not told of this change."""
        self._connection = None
        try:
            self._connection = await self._connector.connect()
            self._connector.tell_nobody()
        except SpeechUnavailable as error:
            _log.warning("%s", error)
        finally:
            self._moved = None
            moved.set()
        return self._connection is not None
