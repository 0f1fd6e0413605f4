"""The WebSocket to the speech server: one connection per call, which reconnects automatically."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass

import numpy as np
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from audio.samples import Samples
from bot.speech_server.address import ServerAddress
from bot.speech_server.addresses import SpeechAddresses
from bot.speech_server.connecting import close_connection, open_connection
from bot.speech_server.errors import SpeechLimitError, SpeechUnavailable
from wire.fields import GarbledError, WireError
from wire.messages import (
    SAMPLE_RATE,
    Cancelled,
    ClientMessage,
    EngineChanged,
    Failure,
    Flushed,
    Loading,
    SegmentEnd,
    SegmentStart,
    ServerMessage,
    Speak,
    parse_server,
)

_log = logging.getLogger(__name__)

FIRST_NOTICE_LIMIT = 1.0
"""Seconds to wait for the server's first notice about its engine. Some servers send none, and count as ready."""
LOADING_LIMIT = 180.0
"""Seconds to wait for the engine to be loaded."""
SILENCE_TIMEOUT = 4.5
"""Seconds without a frame after which the server is pinged. It must answer within the same number of seconds."""
MAX_FRAME_BYTES = 4 * SAMPLE_RATE * 10
"""Maximum number of bytes of a frame: 10 s of float32 samples."""
QUEUED_FRAMES = 16
"""Maximum number of frames that are buffered before the server has to wait."""
FLOAT_BYTES = 4
FIRST_DELAY = 0.1
"""Seconds before the first attempt to reconnect. The delay is short, because people wait. It doubles each time."""
MAX_DELAY = 1.0
"""Longest delay before an attempt to reconnect, in seconds."""


@dataclass(frozen=True, slots=True, eq=False)
class SegmentAudio:
    """A piece of sound of one segment: mono float32 at 48,000 Hz."""

    reply: str | None
    segment: int
    samples: Samples


@dataclass(frozen=True, slots=True)
class Connected:
    """The connection was restored. All earlier requests are lost."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection was lost, and with it all unfinished replies."""

    reason: str


SpeechEvent = ServerMessage | SegmentAudio | Connected | Disconnected


class SpeechStream:
    """The connection of one call. Not thread-safe; :meth:`events` has one consumer.

    Args:
        address: address of the server, or addresses of several that stand in for each other.
        silence_timeout: seconds without a frame after which the server is pinged. It must answer within the same number
            of seconds.
        sleep: waits for some seconds before an attempt to reconnect.
    """

    def __init__(
        self,
        address: ServerAddress | SpeechAddresses,
        *,
        silence_timeout: float = SILENCE_TIMEOUT,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._addresses = SpeechAddresses([address]) if isinstance(address, ServerAddress) else address
        self._silence_timeout = silence_timeout
        self._sleep = sleep
        self._connection: ClientConnection | None = None
        self._delay = FIRST_DELAY
        self._closing = asyncio.Event()
        self._early: list[SpeechEvent] = []
        self._reply: str | None = None
        """The reply that is being spoken, or was spoken last."""
        self._moved: asyncio.Event | None = None
        """Set when another server is connected, in place of one that may not be asked for anything new."""

    @property
    def connected(self) -> bool:
        """Whether the connection is open."""
        return self._connection is not None and self._connection.state is State.OPEN

    async def open(self) -> None:
        """Connect for the first time.

        Raises:
            SpeechUnavailable: the server does not answer, or refuses the connection.
        """
        await self._prepare()
        self._connection = await self._connect(self._addresses.preferred_first())

    async def loaded(self, report: Callable[[float], None]) -> None:
        """Wait until the server's preferred engine is loaded, or has failed. Call it before :meth:`events`.

        A server that sends no notices counts as ready.

        Args:
            report: called with the progress, 0 to 1.
        """
        with contextlib.suppress(TimeoutError, ConnectionClosed, GarbledError):
            async with asyncio.timeout(FIRST_NOTICE_LIMIT) as limit:
                while (connection := self._connection) is not None:
                    match _FrameReader().read(await self._receive(connection)):
                        case EngineChanged(_, "loading"):
                            limit.reschedule(asyncio.get_running_loop().time() + LOADING_LIMIT)
                        case Loading(_, progress):
                            report(progress)
                        case EngineChanged() as state:
                            self._early.append(state)
                            return
                        case event if event is not None:
                            self._early.append(event)

    async def send(self, message: ClientMessage) -> None:
        """Send a message. Waits if the server does not read.

        Raises:
            SpeechUnavailable: there is no connection now, or today's limit is reached and the reply is a new one.
        """
        if isinstance(message, Speak) and message.reply != self._reply:
            await self._prepare()
            if self._addresses.must_leave():
                await self._move()
            self._reply = message.reply
        if self._connection is None:
            raise SpeechUnavailable("The speech server is away.")
        try:
            await self._connection.send(message.to_json())
        except ConnectionClosed as error:
            raise SpeechUnavailable("The speech server is away.") from error

    async def events(self) -> AsyncGenerator[SpeechEvent, None]:
        """All events of the server, in order, across reconnections, until :meth:`close`.

        If the consumer is slow, the server has to wait. Nothing is dropped, and little is buffered.
        """
        while self._early:
            yield self._early.pop(0)
        while not self._closing.is_set():
            connection = self._connection
            if connection is None:
                connection = self._connection = await self._reconnect()
                if connection is None:
                    return
                yield Connected()
            frames = _FrameReader()
            try:
                while True:
                    event = frames.read(await self._receive(connection))
                    if event is not None:
                        self._delay = FIRST_DELAY
                        yield event
            except TimeoutError:
                reason = f"it gave no sign of life for {2 * self._silence_timeout:.0f} s"
                connection.transport.abort()
            except ConnectionClosed as error:
                reason = str(error)
            except GarbledError as error:
                # The end of a reply may have been in it, which would be awaited forever.
                _log.warning("The speech server sent something unreadable: %s", error)
                reason = "what it sends can't be read"
                connection.transport.abort()
            if not self._closing.is_set():
                self._connection = None
                if self._moved is None or not await self._connect_elsewhere(self._moved):
                    yield Disconnected(reason)

    async def _prepare(self) -> None:
        """Before something new is spoken: raise SpeechLimitError if no server may be asked for it today."""
        await self._addresses.prepare()
        if (why := self._addresses.refusal()) is not None:
            raise SpeechLimitError(why)

    async def _move(self) -> None:
        """Have another server speak from now on. Returns when it is connected, or can't be."""
        if (connection := self._connection) is None:
            # It is being restored already, at a server that may be asked.
            return
        moved = self._moved = asyncio.Event()
        await connection.close()
        await moved.wait()

    async def _connect_elsewhere(self, moved: asyncio.Event) -> bool:
        """Connect to a server that may be asked. Returns whether that succeeded at once."""
        try:
            self._connection = await self._connect(self._addresses.preferred_first())
        except SpeechUnavailable as error:
            _log.warning("%s", error)
        finally:
            self._moved = None
            moved.set()
        return self._connection is not None

    async def close(self) -> None:
        """Close the connection and end :meth:`events`."""
        self._closing.set()
        if self._moved is not None:
            self._moved.set()
        connection, self._connection = self._connection, None
        if connection is not None:
            await close_connection(connection)

    async def _receive(self, connection: ClientConnection) -> str | bytes:
        """The next frame. Raises ``TimeoutError`` if the server does not answer a ping, and ``ConnectionClosed``.

        The library's own keep-alive is not used. It would fail if the pong waits behind sound that the consumer has not
        read yet. Here the time counts only while a frame is being awaited.
        """
        pong: asyncio.Future[float] | None = None
        while True:
            try:
                async with asyncio.timeout(self._silence_timeout):
                    frame = await connection.recv()
            except TimeoutError:
                if pong is not None and not pong.done():
                    raise
                pong = asyncio.ensure_future(await connection.ping())
            else:
                return frame

    async def _reconnect(self) -> ClientConnection | None:
        """Try to connect until it succeeds; ``None`` if the client was closed."""
        while not await self._closed_within(self._delay * random.uniform(0.75, 1.25)):
            # The delay is reset only by a frame that can be read, so it also grows for a server that accepts and closes
            # at once.
            self._delay = min(2 * self._delay, MAX_DELAY)
            try:
                connection = await self._connect(self._addresses.others_first())
            except SpeechUnavailable as error:
                _log.debug("%s Trying again in about %.1f s", error, self._delay)
                continue
            if not self._closing.is_set():
                return connection
            await connection.close()
        return None

    async def _connect(self, addresses: Sequence[ServerAddress]) -> ClientConnection:
        """Connect to the first server that allows it. Raises SpeechUnavailable if none does."""
        reasons: list[str] = []
        for address in addresses:
            try:
                connection = await open_connection(address, MAX_FRAME_BYTES, QUEUED_FRAMES)
            except SpeechUnavailable as error:
                reasons.append(str(error))
            else:
                self._addresses.use(address)
                return connection
        raise SpeechUnavailable(" ".join(reasons) or self._addresses.refusal() or "There is no speech server.")

    async def _closed_within(self, seconds: float) -> bool:
        waiting = [asyncio.ensure_future(self._closing.wait()), asyncio.ensure_future(self._sleep(seconds))]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
        return self._closing.is_set()


class _FrameReader:
    """Converts the frames of one connection to events.

    Messages that are not valid and sound outside a segment are dropped. Text that is not even JSON raises GarbledError.
    """

    def __init__(self) -> None:
        self._segment: SegmentStart | None = None

    def read(self, frame: str | bytes) -> SpeechEvent | None:
        """The event of a frame; ``None`` if the frame was dropped."""
        return self._sound(frame) if isinstance(frame, bytes) else self._message(frame)

    def _sound(self, frame: bytes) -> SegmentAudio | None:
        segment = self._segment
        if segment is None or len(frame) % FLOAT_BYTES:
            _log.warning("The speech server sent %d bytes of sound out of place", len(frame))
            return None
        samples = np.frombuffer(frame, "<f4").astype(np.float32, copy=False)
        return SegmentAudio(segment.reply, segment.segment, samples)

    def _message(self, frame: str) -> ServerMessage | None:
        try:
            message = parse_server(frame)
        except GarbledError:
            raise
        except WireError as error:
            _log.warning("The speech server sent something unreadable: %s", error)
            return None
        match message:
            case SegmentStart():
                self._segment = message
            case SegmentEnd() | Cancelled() | Flushed():
                self._segment = None
            case Failure(reply=reply) if self._segment is not None and reply == self._segment.reply:
                self._segment = None
        return message
