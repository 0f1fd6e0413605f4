"""Files of the Hugging Face hub: as much of one as is still missing, and only if it is the right one.

The hub's own library says where files are and who asks for them, but it throws away what an interrupted download has
brought, and compares sizes alone: the transfer is therefore made here. Downloaded models are also shown in the hub's
own cache, where other programs find them.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path

import aiohttp
from yarl import URL

from bot.models.catalogue import Model, ModelFile
from bot.models.model_store import BLOCK, Advance, keep_if_right, partial, size_of
from bot.network_errors import network_error_text


def show_in_hub_cache(folder: Path, model: Model) -> None:
    """Link the files of ``folder`` into the cache, as its own downloads lie there. Blocks; raises :class:`OSError`.

    A model without a repository has no place there.

    The links are relative, so that a folder which holds both may be moved, or mounted elsewhere.
    """
    if model.repository is None or model.revision is None:
        return
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    entry = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=model.repository, repo_type="model")
    for file in model.files:
        link = entry / "snapshots" / model.revision / file.path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.relpath((folder / file.path).absolute(), link.parent.absolute()))
    reference = entry / "refs" / "main"
    reference.parent.mkdir(parents=True, exist_ok=True)
    reference.write_text(model.revision)


def place_in_hub_cache(model: Model) -> str | None:
    """Where the cache has the model's first file, as this or another program has downloaded it."""
    if model.repository is None:
        return None
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(model.repository, model.files[0].path, revision=model.revision)
    return cached if isinstance(cached, str) else None


TIME_LIMITS = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=30)
PAUSES = (1.0, 2.0, 5.0, 10.0)
"""Seconds before each further attempt, while none of them brings a byte."""
LONGEST_PAUSE = 60.0
"""However long the hub asks for."""


class HubError(Exception):
    """The file did not come; the text says why and what to do."""


class _PassingError(Exception):
    """It may work a moment later. ``wait`` is how many seconds the hub asks to wait."""

    def __init__(self, text: str, wait: float = 0.0) -> None:
        super().__init__(text)
        self.wait = wait


class Hub:
    """Downloads through one HTTP session, which its owner makes and closes."""

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
        """Bring the file to ``target``; goes on with what an earlier attempt has left, and keeps a right one.

        ``advance`` is told of every byte once, those found here too.

        Raises:
            HubError: it can't be had, or is not the right one.
            OSError: it can't be written.
        """
        if await asyncio.to_thread(keep_if_right, target, file):
            advance(file.size)
            return
        growing = partial(target)
        advance(await asyncio.to_thread(_left_over, growing, file))
        if model.repository is None:
            raise HubError(f"No hub is known to have {file.path}.")
        # Imported where it is used, as everywhere: a bot that has its weights starts without it, a quarter sooner.
        from huggingface_hub import hf_hub_url

        await self._complete(hf_hub_url(model.repository, file.path, revision=model.revision), file, growing, advance)
        if not await asyncio.to_thread(keep_if_right, growing, file):
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
            except _PassingError as error:
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
            await self._pause(min(max(self._pauses[fruitless], wait), LONGEST_PAUSE))
            fruitless += 1

    async def _append(self, url: str, file: ModelFile, growing: Path, advance: Advance) -> None:
        have = size_of(growing) or 0
        # Compressed on the way, a range would be one of other bytes.
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
                        raise HubError(f"{file.path} is longer at the hub than the {file.size:,} bytes it should have.")
                    await asyncio.to_thread(output.write, block)
                    advance(len(block))


def _left_over(growing: Path, file: ModelFile) -> int:
    """How much an earlier attempt has left that may be the beginning of the file."""
    growing.parent.mkdir(parents=True, exist_ok=True)
    if (size_of(growing) or 0) > file.size:
        growing.unlink()
    return size_of(growing) or 0


def _range_start(response: aiohttp.ClientResponse) -> int | None:
    """Where the bytes that come begin, from ``bytes 100-199/200``."""
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
            raise _PassingError("it got too many requests (429)", float(asked) if asked.isdecimal() else 0.0)
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _PassingError(f"it answers with status {status}")
        case _:
            raise HubError(f"{host} answers with status {status} for {file.path}.")
