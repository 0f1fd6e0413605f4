"""The WebSocket to the speech server: one connection a session, kept warm, reconnecting by itself."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from tts_server import wire

_log = logging.getLogger(__name__)

OPEN_LIMIT = 5.0
PING_INTERVAL = 4.0
PING_LIMIT = 5.0
CLOSE_LIMIT = 1.0
MAX_FRAME_BYTES = 4 * wire.SAMPLE_RATE * 10
QUEUED_FRAMES = 16
FIRST_DELAY, LONGEST_DELAY = 0.1, 5.0
UNAUTHORIZED = 401


class SpeechUnavailable(Exception):  # noqa: N818
    """The speech server can't be reached; the text says why, for people."""


@dataclass(frozen=True, slots=True, eq=False)
class SegmentAudio:
    """Sound of one segment: float32, mono, 48,000 Hz."""

    reply: str | None
    segment: int
    samples: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Connected:
    """The server is there again; nothing is left of what was asked of it before."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The server is gone, and with it every reply that it had not finished."""

    reason: str


SpeechEvent = wire.ServerMessage | SegmentAudio | Connected | Disconnected


class SpeechClient:
    """The connection. Belongs to one event loop.

    Args:
        url: the server's ``ws://…/ws/stream``.
        token: the shared secret, where the server wants one.
    """

    def __init__(self, url: str, *, token: str | None = None) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._socket: ClientConnection | None = None
        self._closed = False

    @property
    def connected(self) -> bool:
        """True while the server can be spoken to."""
        return self._socket is not None

    async def open(self) -> None:
        """Connect for the first time.

        Raises:
            SpeechUnavailable: nobody answers, or the server refuses us.
        """
        self._socket = await self._connect()

    async def send(self, message: wire.ClientMessage) -> None:
        """Send one message; waits while the server does not read.

        Raises:
            SpeechUnavailable: there is no connection at present.
        """
        if self._socket is None:
            raise SpeechUnavailable("The speech server is away.")
        try:
            await self._socket.send(wire.encode_client(message))
        except ConnectionClosed as error:
            raise SpeechUnavailable("The speech server is away.") from error

    async def events(self) -> AsyncIterator[SpeechEvent]:
        """Everything the server says, in order, through every reconnection, until :meth:`close`.

        A consumer that is slow makes the server wait: nothing is dropped, and little is buffered.
        """
        while not self._closed:
            if self._socket is None:
                self._socket = await self._reconnect()
                yield Connected()
            connection = self._socket
            try:
                async for event in _read(connection):
                    yield event
            except ConnectionClosed as error:
                reason = str(error)
            else:
                reason = "the server closed the connection"
            finally:
                self._socket = None
            if not self._closed:
                yield Disconnected(reason)

    async def close(self) -> None:
        """Close the connection and end :meth:`events`."""
        self._closed = True
        connection, self._socket = self._socket, None
        if connection is not None:
            with contextlib.suppress(ConnectionClosed):
                await connection.close()

    async def _connect(self) -> ClientConnection:
        try:
            connection = await connect(
                self._url,
                additional_headers=self._headers,
                # Speech does not compress, and a proxy in the environment is not meant for it.
                compression=None,
                proxy=None,
                open_timeout=OPEN_LIMIT,
                ping_interval=PING_INTERVAL,
                ping_timeout=PING_LIMIT,
                close_timeout=CLOSE_LIMIT,
                max_size=MAX_FRAME_BYTES,
                max_queue=QUEUED_FRAMES,
            )
        except InvalidStatus as error:
            status = error.response.status_code
            why = "it does not accept TTS_TOKEN" if status == UNAUTHORIZED else f"it answers with HTTP status {status}"
            raise SpeechUnavailable(f"The speech server at {self._url} refuses us: {why}.") from error
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI, ConnectionClosed) as error:
            raise SpeechUnavailable(f"No speech server answers at {self._url}.") from error
        raw = connection.transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    async def _reconnect(self) -> ClientConnection:
        delay = FIRST_DELAY
        while True:
            try:
                return await self._connect()
            except SpeechUnavailable as error:
                _log.debug("%s Trying again in about %.1f s", error, delay)
            # Spread out, so that several bots do not fall on a restarted server at once.
            await asyncio.sleep(delay * random.uniform(0.75, 1.25))
            delay = min(2 * delay, LONGEST_DELAY)


async def _read(connection: ClientConnection) -> AsyncIterator[SpeechEvent]:
    """The events of one connection; sound outside a segment, and what can't be parsed, is logged and dropped."""
    segment: wire.SegmentStart | None = None
    async for frame in connection:
        if isinstance(frame, bytes):
            if segment is None or len(frame) % 4:
                _log.warning("The speech server sent %d bytes of sound out of place", len(frame))
                continue
            yield SegmentAudio(
                segment.reply, segment.segment, np.frombuffer(frame, "<f4").astype(np.float32, copy=False)
            )
            continue
        try:
            event = wire.parse_server(frame)
        except wire.WireError as error:
            _log.warning("The speech server sent something unreadable: %s", error)
            continue
        if isinstance(event, wire.SegmentStart):
            segment = event
        elif isinstance(event, wire.SegmentEnd | wire.Cancelled | wire.Flushed):
            segment = None
        yield event
