"""Downloads a file from Discord, up to a limit of bytes.

The addresses come from Discord, which stores the files itself. For addresses that people give, there is
:mod:`bot.fetching`.
"""

from __future__ import annotations

from http import HTTPStatus

import aiohttp
from yarl import URL

from bot.network_errors import network_error_text
from web_access.bodies import BodyTooLargeError, read_body

_TIMEOUT = aiohttp.ClientTimeout(total=60.0, connect=10.0)


class DownloadError(Exception):
    """The file could not be downloaded."""


class FileTooLargeError(DownloadError):
    """The file has more bytes than allowed."""


async def download(http: aiohttp.ClientSession, url: str, limit: int) -> bytes:
    """Download the file at ``url``. Redirects are not followed, and nothing is decompressed.

    Raises:
        DownloadError: ``url`` is not http or https, the server does not answer, or its status is not 200.
        FileTooLargeError: the file has more than ``limit`` bytes.
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
                raise FileTooLargeError
            return await read_body(response.content, limit)
    except BodyTooLargeError as error:
        raise FileTooLargeError from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise DownloadError(network_error_text(error)) from error
