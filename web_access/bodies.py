"""Reads bodies of HTTP messages up to a limit: of requests that come to a server, and of answers to a client."""

from __future__ import annotations

from aiohttp import StreamReader, web
from aiohttp.http_exceptions import HttpProcessingError

MALFORMED_FORM = (ValueError, AssertionError, RuntimeError, HttpProcessingError, web.RequestPayloadError)
"""Exceptions that aiohttp raises for malformed forms (multipart/form-data)."""


class BodyTooLargeError(ValueError):
    """A body has too many bytes."""


async def read_body(content: StreamReader, limit: int) -> bytes:
    """Read a whole body, of at most ``limit`` bytes.

    Raises:
        BodyTooLargeError: it is longer. Its rest is not read.
        aiohttp.ClientError: it is broken; for a request, :class:`aiohttp.web.RequestPayloadError`.
    """
    body = await read_beginning(content, limit + 1)
    if len(body) > limit:
        raise BodyTooLargeError(f"more than {limit} bytes")
    return body


async def read_beginning(content: StreamReader, limit: int) -> bytes:
    """Read a body, but no more than its first ``limit`` bytes; raises the errors of a broken body."""
    body = bytearray()
    # With StreamReader.read(limit), aiohttp would buffer twice as many bytes as the limit.
    while len(body) < limit and (piece := await content.readany()):
        body += piece
    return bytes(body[:limit])
