"""Sends answers while they are made. The status is sent with the first piece, so that an error before it has its own
status."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import aclosing
from typing import Any

from aiohttp import hdrs, web

from bot.http.errors import HttpError

_log = logging.getLogger(__name__)

WRITE_LIMIT = 30.0
"""Seconds after which a client that takes nothing is disconnected."""
EVENTS: Mapping[str, str] = {hdrs.CONTENT_TYPE: "text/event-stream"}
DONE = b"data: [DONE]\n\n"


def event(fields: Mapping[str, Any]) -> bytes:
    """A server-sent event. In ASCII, since UTF-8 can't encode half a surrogate pair."""
    return f"data: {json.dumps(fields)}\n\n".encode()


def error_event(error: HttpError) -> bytes:
    """The event for an error after the answer has begun."""
    return event({"type": "error", "error": error.fields})


async def send_stream(
    request: web.Request, headers: Mapping[str, str], pieces: AsyncGenerator[bytes, None]
) -> web.StreamResponse:
    """Send the pieces of an answer. An error after the first piece breaks the connection off, because the status has
    been sent.

    Raises:
        ConnectionError: the client is gone or does not read, or the answer was broken off.
        Exception: the error of the first piece.
    """
    async with aclosing(pieces):
        piece = await anext(pieces, None)
        response = web.StreamResponse(headers=headers)
        finished = False
        try:
            await _within_limit(response.prepare(request))
            while piece is not None:
                await _within_limit(response.write(piece))
                piece = await anext(pieces, None)
            await _within_limit(response.write_eof())
            finished = True
        except ConnectionError:
            raise
        except Exception as error:
            _log.warning("An answer over HTTP broke off: %s", error)
            raise ConnectionResetError("the answer broke off") from error
        finally:
            if not finished and request.transport is not None:
                request.transport.abort()
    return response


async def _within_limit(writing: Coroutine[Any, Any, Any]) -> None:
    try:
        async with asyncio.timeout(WRITE_LIMIT):
            await writing
    except TimeoutError:
        raise ConnectionResetError("the client does not read") from None
