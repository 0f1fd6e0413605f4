"""Opens and closes WebSockets to the speech server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConcurrencyError, ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from bot.redirects import DirectConnect, is_redirect
from bot.speech_server.address import ServerAddress
from bot.speech_server.errors import SpeechUnavailable
from web_access.socket_messages import read_in_small_pieces

OPEN_LIMIT = 5.0
"""Seconds for opening the connection."""
CLOSE_LIMIT = 1.0
"""Seconds for closing the connection."""
_REASONS = {401: "refuses us: it does not accept TTS_TOKEN", 503: "has no voice loaded yet"}
"""What the HTTP status of a refused connection means, as the end of a sentence about the speech server."""


async def open_connection(address: ServerAddress, max_bytes: int, queued: int) -> ClientConnection:
    """Connect to the speech server.

    Args:
        max_bytes: maximum number of bytes of a frame. A longer frame ends the connection.
        queued: maximum number of frames that are buffered before the server has to wait.

    Raises:
        SpeechUnavailable: the server does not answer, or refuses the connection.
    """
    try:
        connection = await DirectConnect(
            address.stream_url,
            additional_headers=address.headers,
            # Audio does not compress well, and a proxy in the environment is not meant for this connection.
            compression=None,
            proxy=None,
            open_timeout=OPEN_LIMIT,
            ping_interval=None,
            close_timeout=CLOSE_LIMIT,
            max_size=max_bytes,
            max_queue=queued,
        )
        read_in_small_pieces(connection.transport)
        return connection
    except InvalidStatus as error:
        status = error.response.status_code
        if is_redirect(status):
            raise SpeechUnavailable(f"The speech server at {address.websocket} redirects us elsewhere.") from error
        why = _REASONS.get(status, f"refuses us: it answers with HTTP status {status}")
        raise SpeechUnavailable(f"The speech server at {address.websocket} {why}.") from error
    except (OSError, InvalidHandshake, InvalidURI, ConnectionClosed) as error:
        raise SpeechUnavailable(f"No speech server answers at {address.websocket}.") from error


async def close_connection(connection: ClientConnection) -> None:
    """Close a connection on which nothing more is wanted.

    The server confirms the close only after all sound that it has sent. If that sound were not read, the end of a call
    in the middle of a reply would take twice :data:`CLOSE_LIMIT`.
    """
    closing = asyncio.create_task(connection.close(), name="speech server: close")
    try:
        # If another task still reads from the connection, ConcurrencyError is raised, and that task reads the rest.
        with contextlib.suppress(ConnectionClosed, ConcurrencyError):
            while True:
                await connection.recv()
    finally:
        await closing


async def happens_within(event: asyncio.Event, sleep: Awaitable[None]) -> bool:
    """Wait until ``event`` is set or ``sleep`` is over. Returns whether the event is set."""
    waiting = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(sleep)]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()
    return event.is_set()
