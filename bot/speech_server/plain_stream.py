"""The WebSocket to a speech server that sends bare sound (``?protocol=plain``): text goes out, float32 samples come in.

The server sends no events, so :class:`~bot.speech_server.plain_reply.PlainReply` works out what they would be. Nor does
the server know a message that cancels a reply, so the connection is replaced instead.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from bot.speech_server.address import ServerAddress
from bot.speech_server.connecting import close_connection, happens_within, open_connection
from bot.speech_server.connector import FIRST_DELAY, MAX_DELAY
from bot.speech_server.errors import SpeechLimitError, SpeechUnavailable
from bot.speech_server.events import Connected, Disconnected, SpeechEvent
from bot.speech_server.plain_reply import Pace, PlainLimits, PlainReply
from bot.speech_server.plain_sound import is_audible, read_frame
from bot.speech_server.stream import SILENCE_TIMEOUT
from bot.text import one_line
from config.tasks import end_tasks
from web_access.socket_messages import MessageRate
from wire.messages import SAMPLE_RATE, Cancel, ClientMessage, Failure, Flushed, Speak, Warned

_log = logging.getLogger(__name__)

SECOND_BYTES = 4 * SAMPLE_RATE
"""Number of bytes of a second of float32 samples."""
MAX_FRAME_BYTES = 60 * SECOND_BYTES
"""Maximum number of bytes of a frame: 60 s of float32 samples. Some servers send a sentence as one frame."""
MAX_TEXT = 65_536
"""Maximum number of characters of a text that is read. Reading a longer one would hold up all calls."""
QUEUED_FRAMES = 2
"""Maximum number of frames that are buffered before the server has to wait."""
LOOK_INTERVAL = 0.1
"""Seconds between two looks at a reply of which no sound comes."""
MAX_ERROR = 300
"""Maximum number of characters of the server's own words that people are shown."""
NORMAL_CLOSE = 1000
UNASKED = "it sends a lot although nothing is being spoken"
NOT_SOUND = (
    "⚠️ The speech server sends something other than float32 sound at 48 kHz, so I leave that out. "
    "If it is not a server that sends bare sound, remove `?protocol=plain` from its address."
)
SERVER_ERROR = "⚠️ The speech server reports an error: {error}"


class _UnaskedError(Exception):
    """The server sends too much while nothing is spoken."""


class PlainSpeechStream:
    """The connection of one call. Not thread-safe; :meth:`events` has one consumer.

    Args:
        address: address of the server.
        limits: how long a reply may be silent.
        silence_timeout: seconds without a frame after which the server is pinged. It must answer within the same number
            of seconds.
        refusal: returns why no new reply may be spoken today, for people; ``None`` if new replies may be.
        sleep: waits for some seconds before an attempt to reconnect.
        clock: returns monotonic seconds.
    """

    def __init__(
        self,
        address: ServerAddress,
        *,
        limits: PlainLimits | None = None,
        silence_timeout: float = SILENCE_TIMEOUT,
        refusal: Callable[[], str | None] = lambda: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = address
        self._limits = limits or PlainLimits()
        self._silence_timeout = silence_timeout
        self._refusal = refusal
        self._sleep = sleep
        self._clock = clock
        self._pace = Pace()
        self._connection: ClientConnection | None = None
        self._changing = asyncio.Lock()
        self._closing = asyncio.Event()
        self._woken = asyncio.Event()
        self._events = deque[SpeechEvent]()
        self._reply: PlainReply | None = None
        # Whether sound of the current reply, or of an earlier one, may still come over this connection.
        self._stale = False
        self._away = False
        self._warned: set[str] = set()
        # What comes while nothing is spoken, over all connections.
        self._unasked = MessageRate(clock)
        self._delay = 0.0
        """Seconds until the next connection, if nothing is spoken over this one."""

    @property
    def connected(self) -> bool:
        """Whether the connection is open."""
        return self._connection is not None and self._connection.state is State.OPEN

    @property
    def address(self) -> ServerAddress:
        """The server."""
        return self._address

    async def open(self) -> None:
        """Connect for the first time; raises :class:`SpeechUnavailable`."""
        self._require_limit()
        await self._ensure()

    async def loaded(self, report: Callable[[float], None]) -> None:
        """Do nothing: the server does not tell whether its voice is loaded."""

    async def send(self, message: ClientMessage) -> None:
        """Send a message. Waits if the server does not read; raises :class:`SpeechUnavailable`.

        Of the parameters, only ``pitch_shift`` is sent, in the form in which such servers know it.
        """
        if isinstance(message, Cancel):
            await self._cancel()
            return
        if self._away:
            raise SpeechUnavailable("The speech server is away.")
        reply = self._reply
        if reply is None or reply.id != message.reply:
            self._require_limit()
            if self._stale or (reply is not None and not reply.over):
                await self._replace()
            reply = self._reply = PlainReply(message.reply, self._pace, self._limits)
            # End the wait for the next frame: it began when nothing was spoken, so it lasts longer than LOOK_INTERVAL.
            self._woken.set()
        if reply.over:
            return
        connection = await self._ensure()
        if self._reply is not reply:
            return
        self._stale, self._delay = True, 0.0
        self._put(reply.add(message.token, flush=message.flush))
        try:
            for frame in _frames_of(message):
                await connection.send(frame)
        except ConnectionClosed as error:
            raise SpeechUnavailable("The speech server is away.") from error

    async def events(self) -> AsyncGenerator[SpeechEvent, None]:
        """All events, in order, across reconnections, until :meth:`close`. A slow consumer makes the server wait."""
        while not self._closing.is_set():
            connection = await self._available()
            if connection is None:
                return
            if self._away:
                self._away = False
                yield Connected()
            try:
                async for _ in self._looks(connection):
                    while self._events:
                        yield self._events.popleft()
            except TimeoutError:
                lost, orderly = f"it gave no sign of life for {2 * self._silence_timeout:.0f} s", False
                connection.transport.abort()
            except _UnaskedError:
                lost, orderly = UNASKED, False
                connection.transport.abort()
            except ConnectionClosed as error:
                lost, orderly = str(error), error.rcvd is not None and error.rcvd.code == NORMAL_CLOSE
            else:
                continue
            async with self._changing:
                if self._closing.is_set() or self._connection is not connection:
                    continue
                self._connection, self._stale = None, False
            if self._reply is not None and not self._reply.over:
                self._put(self._reply.closed(orderly=orderly))
            while self._events:
                yield self._events.popleft()
            if self._is_lost() or await self._connected_again() is None:
                self._away, self._reply = True, None
                yield Disconnected(lost)

    async def close(self) -> None:
        """Close the connection and end :meth:`events`."""
        self._closing.set()
        self._woken.set()
        async with self._changing:
            connection, self._connection = self._connection, None
        if connection is not None:
            await close_connection(connection)

    def _require_limit(self) -> None:
        if (why := self._refusal()) is not None:
            raise SpeechLimitError(why)

    def _is_lost(self) -> bool:
        """Whether a part of a reply is lost with the connection."""
        return self._reply is not None and not self._reply.over

    def _put(self, events: Iterable[SpeechEvent]) -> None:
        for event in events:
            self._events.append(event)
            self._woken.set()
            # A reply that is complete has no more sound. After one that has failed, some may still come.
            self._stale &= not isinstance(event, Flushed)

    async def _looks(self, connection: ClientConnection) -> AsyncGenerator[None, None]:
        """Read the frames of one connection, and yield when there may be events. Ends when the connection is replaced.

        Raises:
            TimeoutError: the server does not answer a ping.
            ConnectionClosed: the server has closed the connection.
            _UnaskedError: the server sends too much while nothing is spoken.
        """
        idle, pong = 0.0, None
        counted = self._clock()
        while connection is self._connection:
            before = self._reply
            waits = before is not None and not before.over
            limit = min(LOOK_INTERVAL, self._silence_timeout) if waits else self._silence_timeout
            frame = await self._receive(connection, limit)
            # The time in which the previous frame was read counts too: with many useless texts, it is most of the time.
            # The time for which this machine stood still does not count as silence of the server.
            now = self._clock()
            waited, counted = min(now - counted, limit), now
            if connection is not self._connection:
                return
            reply = self._reply if self._reply is not None and not self._reply.over else None
            silent = waited if reply is before else 0.0
            if frame is not None:
                idle, pong = 0.0, None
                self._read(frame, reply, silent)
            else:
                idle += waited
                if reply is not None:
                    self._put(reply.wait(silent))
                if pong is not None and pong.done():
                    idle, pong = 0.0, None
                elif pong is None and idle >= self._silence_timeout:
                    pong = asyncio.ensure_future(await connection.ping())
                elif idle >= 2 * self._silence_timeout:
                    raise TimeoutError
            handed_over = self._clock()
            yield
            # The time that the consumer takes does not count as silence of the server either.
            counted += self._clock() - handed_over

    async def _receive(self, connection: ClientConnection, limit: float) -> str | bytes | None:
        """The next frame.

        ``None`` if none comes within ``limit`` seconds, if there are events to pass on, or if a reply has begun.
        """
        if self._events:
            return None
        self._woken.clear()
        receiving = asyncio.ensure_future(connection.recv())
        waking = asyncio.ensure_future(self._woken.wait())
        try:
            await asyncio.wait((receiving, waking), timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            return receiving.result() if receiving.done() else None
        finally:
            await end_tasks(receiving, waking)

    def _read(self, frame: str | bytes, reply: PlainReply | None, waited: float) -> None:
        if reply is None and not self._unasked.take(1.0 + len(frame) / SECOND_BYTES):
            if UNASKED not in self._warned:
                self._warned.add(UNASKED)
                _log.warning("Reconnecting to the speech server at %s, because %s", self._address.place, UNASKED)
            raise _UnaskedError
        if isinstance(frame, str):
            self._read_text(frame, reply, waited)
            return
        samples = read_frame(frame)
        if reply is None:
            self._stale |= samples is None or is_audible(samples)
        elif samples is None:
            self._warn("not sound", NOT_SOUND)
            self._put(reply.wait(waited))
        else:
            self._put(reply.sound(samples, waited))

    def _read_text(self, frame: str, reply: PlainReply | None, waited: float) -> None:
        error = _error_of(frame)
        if error is None:
            _log.debug("The speech server sent a text of %d characters, which is ignored", len(frame))
            if reply is not None:
                self._put(reply.wait(waited))
            return
        self._warn("server error", SERVER_ERROR.format(error=error))
        if reply is not None:
            reply.over = True
            self._put([Failure(error, "engine_failed", reply.id)])

    def _warn(self, kind: str, text: str) -> None:
        """Warn people once about each kind of fault, whatever words the server finds for it."""
        if kind not in self._warned:
            self._warned.add(kind)
            _log.warning("%s", text)
            self._put([Warned(text)])

    async def _cancel(self) -> None:
        """Make sure that no sound of the current reply comes any more."""
        self._reply = None
        self._events = deque(event for event in self._events if isinstance(event, Warned))
        if self._stale and not self._away:
            await self._replace()

    async def _replace(self) -> None:
        """Replace the connection, so that what the server still sends reaches nobody."""
        async with self._changing:
            old, self._connection, self._stale = self._connection, None, False
            if old is not None:
                old.transport.abort()
        try:
            await self._ensure()
        except SpeechUnavailable as error:
            _log.warning("%s", error)

    async def _ensure(self) -> ClientConnection:
        """The connection. It is opened if there is none; raises :class:`SpeechUnavailable`."""
        async with self._changing:
            if self._closing.is_set():
                raise SpeechUnavailable("The connection to the speech server is closed.")
            if self._connection is None:
                self._connection = await open_connection(self._address, MAX_FRAME_BYTES, QUEUED_FRAMES)
                self._stale = False
            return self._connection

    async def _reconnected(self) -> ClientConnection | None:
        """The connection, after one attempt to open it."""
        try:
            return await self._ensure()
        except SpeechUnavailable as error:
            _log.debug("%s", error)
            return None

    async def _connected_again(self) -> ClientConnection | None:
        """The connection, after one attempt to open it.

        If nothing was spoken over the last connections, each attempt waits longer than the one before: a server could
        end each connection at once.
        """
        delay, self._delay = self._delay, min(max(2 * self._delay, FIRST_DELAY), MAX_DELAY)
        if delay and self._connection is None:
            self._woken.clear()
            await happens_within(self._woken, self._sleep(delay))
        return None if self._closing.is_set() else await self._reconnected()

    async def _available(self) -> ClientConnection | None:
        """The connection, as soon as there is one; ``None`` if the client was closed."""
        delay = FIRST_DELAY
        while (connection := await self._reconnected()) is None:
            if await happens_within(self._closing, self._sleep(delay * random.uniform(0.75, 1.25))):
                return None
            delay = min(2 * delay, MAX_DELAY)
        return connection


def _frames_of(message: Speak) -> list[str]:
    """The messages that such servers know: a token with its pitch, and a flush on its own."""
    frames = list[dict[str, Any]]()
    if message.token:
        frames.append({"token": message.token, "pitch_shift": message.parameters.pitch_shift})
    if message.flush:
        frames.append({"flush": True})
    return [json.dumps(frame) for frame in frames]


def _error_of(frame: str) -> str | None:
    """The error that a text reports, on one line; ``None`` if it reports none, or is too long to be read."""
    if len(frame) > MAX_TEXT:
        return None
    try:
        fields = json.loads(frame)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict) or not fields.get("error"):
        return None
    return one_line(str(fields["error"]), MAX_ERROR)
