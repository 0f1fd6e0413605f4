"""Reads the bodies of the speech server's answers, up to a limit."""

from __future__ import annotations

import aiohttp

from bot.speech_server.errors import AnswerTooLargeError


async def read_body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The whole body, of at most ``limit`` bytes; raises :class:`AnswerTooLargeError`."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise AnswerTooLargeError(f"more than {limit} bytes")
    return bytes(body)
