"""Reads the bodies of requests: their size and time are bounded before they are read, and their form is checked."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from bot.http.errors import HttpError
from config.plain_json import read_json
from web_access.bodies import BodyTooLargeError, read_body
from web_access.compression import PLAIN, compression_of

MAX_BYTES = 64 * 1024
"""Longest body of a request without files."""
READ_LIMIT = 10.0
"""Seconds in which such a body has to arrive."""


@web.middleware
async def refuse_compressed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse requests with compressed bodies, before any handler reads them."""
    if (compression := compression_of(request)) is not None:
        message = f"Send the body as it is, without Content-Encoding: {compression}."
        raise HttpError(415, "unsupported_media_type", message, headers={hdrs.ACCEPT_ENCODING: PLAIN})
    return await handler(request)


async def read_object(request: web.Request, limit: int = MAX_BYTES) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        limit: the longest body, in bytes.

    Raises:
        HttpError: the body is no JSON object, too large, too slow, or was broken off.
    """
    if request.content_type != "application/json":
        raise HttpError(415, "unsupported_media_type", "Send JSON, with Content-Type: application/json.")
    try:
        value = read_json((await read_bytes(request, limit)).decode())
    except (ValueError, RecursionError):
        raise HttpError(400, "bad_json", "The request is not valid JSON.") from None
    if not isinstance(value, dict):
        raise HttpError(400, "bad_json", "The request has to be a JSON object.")
    return value


async def read_bytes(request: web.Request, limit: int) -> bytes:
    """Read a body of at most ``limit`` bytes; raises :class:`HttpError` as :func:`read_object` does."""
    if request.content_length is not None and request.content_length > limit:
        raise _too_large(limit)
    try:
        async with asyncio.timeout(READ_LIMIT):
            return await read_body(request.content, limit)
    except BodyTooLargeError:
        raise _too_large(limit) from None
    except TimeoutError:
        raise HttpError(408, "too_slow", f"The request did not arrive within {READ_LIMIT:.0f} s.") from None
    except web.RequestPayloadError:
        raise HttpError(400, "bad_body", "The request's body is broken.") from None


def _too_large(limit: int) -> HttpError:
    return HttpError(413, "too_large", f"The request may have at most {limit:,} bytes.")
