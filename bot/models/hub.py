"""Downloads files from the Hugging Face hub. Interrupted downloads are continued, and SHA-256 sums are checked.

The hub's own library is used for addresses and access tokens only: it discards the data of an interrupted download, and
checks nothing but the file's size.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path

import aiohttp
from yarl import URL

from bot.models.catalogue import Model, ModelFile
from bot.models.model_store import BLOCK, Advance, partial_path, size_of, verify_or_delete
from bot.network_errors import network_error_text

TIME_LIMITS = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=30)
PAUSES = (1.0, 2.0, 5.0, 10.0)
"""Seconds to wait before each retry. After an attempt that brings data, the retries begin again with the first."""
MAX_PAUSE = 60.0
"""Longest wait before a retry, in seconds, even if the hub asks for more."""


class HubError(Exception):
    """The file could not be downloaded. The message says why, and what to do about it."""


class _TemporaryError(Exception):
    """The attempt failed, but another one may succeed.

    Attributes:
        wait: the number of seconds that the hub asks to wait; 0 if it asks for none.
    """

    def __init__(self, text: str, wait: float = 0.0) -> None:
        super().__init__(text)
        self.wait = wait


class Hub:
    """Downloads files from the hub.

    Args:
        http: the HTTP session. The caller closes it.
        token: the access token for the hub; ``None`` for anonymous access.
        pause: waits the given seconds.
        pauses: seconds to wait before each retry.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        token: str | None,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
        pauses: tuple[float, ...] = PAUSES,
    ) -> None:
        self._http = http
        self._token = token
        self._pause = pause
        self._pauses = pauses

    async def fetch(self, model: Model, file: ModelFile, target: Path, advance: Advance) -> None:
        """Download a file to ``target``. A partial download is continued; a correct file is kept.

        Args:
            advance: called with numbers of bytes. They add up to the file's size, including the bytes of an earlier,
                partial download.

        Raises:
            HubError: the file can't be downloaded, or has the wrong SHA-256.
            OSError: the file can't be written.
        """
        if await asyncio.to_thread(verify_or_delete, target, file):
            advance(file.size)
            return
        growing = partial_path(target)
        advance(await asyncio.to_thread(_partial_size, growing, file))
        if model.repository is None:
            raise HubError(f"No hub is known to have {file.path}.")
        # The import is here, because a bot that has all its weights does not need it, and starts a quarter faster
        # without it.
        from huggingface_hub import hf_hub_url

        await self._complete(hf_hub_url(model.repository, file.path, revision=model.revision), file, growing, advance)
        if not await asyncio.to_thread(verify_or_delete, growing, file):
            raise HubError(
                f"{file.path} of {model.repository} has arrived with wrong contents, and was deleted: its SHA-256 is "
                "not the one that this version of Seiyuu knows. Try again; if it "
                "happens again, don't trust that source any more."
            )
        await asyncio.to_thread(growing.replace, target)

    async def _complete(self, url: str, file: ModelFile, growing: Path, advance: Advance) -> None:
        fruitless = 0
        while (had := size_of(growing) or 0) < file.size:
            try:
                await self._append(url, file, growing, advance)
                fault, wait = "it sends nothing", 0.0
            except _TemporaryError as error:
                fault, wait = str(error), error.wait
            except (aiohttp.ClientError, TimeoutError) as error:
                fault, wait = network_error_text(error), 0.0
            if (size_of(growing) or 0) > had:
                fruitless = 0
                continue
            if fruitless == len(self._pauses):
                raise HubError(
                    f"{file.path} did not come from {URL(url).host}: {fault}. "
                    "What has arrived is kept; the same command downloads the rest."
                )
            await self._pause(min(max(self._pauses[fruitless], wait), MAX_PAUSE))
            fruitless += 1

    async def _append(self, url: str, file: ModelFile, growing: Path, advance: Advance) -> None:
        have = size_of(growing) or 0
        # Compression is not accepted, because a range would then mean bytes of the compressed data.
        headers = {"User-Agent": "seiyuu", "Accept-Encoding": "identity"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if have:
            headers["Range"] = f"bytes={have}-"
        async with self._http.get(url, headers=headers, timeout=TIME_LIMITS) as response:
            _check_status(response, file)
            goes_on = response.status == HTTPStatus.PARTIAL_CONTENT and _range_start(response) == have
            if not goes_on:
                advance(-have)
                have = 0
            with growing.open("ab" if goes_on else "wb") as output:
                async for block in response.content.iter_chunked(BLOCK):
                    have += len(block)
                    if have > file.size:
                        raise HubError(f"{file.path} has more at Hugging Face than its {file.size:,} bytes.")
                    await asyncio.to_thread(output.write, block)
                    advance(len(block))


def _partial_size(growing: Path, file: ModelFile) -> int:
    """Size of the partial download in bytes. It is deleted first if it is longer than the file should be."""
    growing.parent.mkdir(parents=True, exist_ok=True)
    if (size_of(growing) or 0) > file.size:
        growing.unlink()
    return size_of(growing) or 0


def _range_start(response: aiohttp.ClientResponse) -> int | None:
    """The first byte's position, from a Content-Range header such as ``bytes 100-199/200``."""
    unit, _, span = response.headers.get("Content-Range", "").partition(" ")
    start = span.partition("-")[0]
    return int(start) if unit == "bytes" and start.isdecimal() else None


def _check_status(response: aiohttp.ClientResponse, file: ModelFile) -> None:
    status, host = response.status, response.url.host
    match status:
        case HTTPStatus.OK | HTTPStatus.PARTIAL_CONTENT:
            return
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            raise HubError(
                f"{host} gives {file.path} only to users with access ({status}): accept the model's terms on its page "
                "there, then set HF_TOKEN to an access token of your account."
            )
        case HTTPStatus.NOT_FOUND | HTTPStatus.GONE:
            raise HubError(f"{host} has no {file.path} any more ({status}): this version of Seiyuu is too old for it.")
        case HTTPStatus.TOO_MANY_REQUESTS:
            asked = response.headers.get("Retry-After", "")
            raise _TemporaryError("it got too many requests (429)", float(asked) if asked.isdecimal() else 0.0)
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _TemporaryError(f"it answers with status {status}")
        case _:
            raise HubError(f"{host} answers with status {status} for {file.path}.")


def find_in_hub_cache(model: Model) -> str | None:
    """The path of the model's first file in Hugging Face's own cache; ``None`` if it is not there."""
    if model.repository is None:
        return None
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(model.repository, model.files[0].path, revision=model.revision)
    return cached if isinstance(cached, str) else None
