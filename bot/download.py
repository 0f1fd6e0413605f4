"""Fetching a file that Discord keeps, and never more of it than was agreed."""

from __future__ import annotations

from http import HTTPStatus

import aiohttp
from yarl import URL

from bot.away import network_error_text

_TIMEOUT = aiohttp.ClientTimeout(total=60.0, connect=10.0)


class DownloadError(Exception):
    """The file did not come."""


class TooLongError(DownloadError):
    """The file is longer than agreed."""


async def download(http: aiohttp.ClientSession, url: str, limit: int) -> bytes:
    """The file at ``url``, at most ``limit`` bytes. Nothing is followed elsewhere, and nothing is decompressed.

    Raises:
        DownloadError: no address of the web, no answer, or not the file.
        TooLongError: it is longer.
    """
    address = URL(url)
    if address.scheme not in ("http", "https"):
        raise DownloadError("not a web address")
    try:
        async with http.get(
            address,
            headers={"Accept-Encoding": "identity"},
            timeout=_TIMEOUT,
            allow_redirects=False,
            auto_decompress=False,
        ) as response:
            if response.status != HTTPStatus.OK:
                raise DownloadError(f"the server answered {response.status}")
            if (response.content_length or 0) > limit:
                raise TooLongError
            data = bytearray()
            async for chunk in response.content.iter_any():
                data += chunk
                if len(data) > limit:
                    raise TooLongError
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise DownloadError(network_error_text(error)) from error
    return bytes(data)
