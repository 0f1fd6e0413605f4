"""Client of ComfyUI's HTTP API: submit a drawing, ask for its progress, cancel it, download its pictures."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import aiohttp
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus, WebSocketException
from yarl import URL

from bot.features.image_generation.outcome import DrawingError, PictureFile, UnreachableError, rejection
from bot.identity import USER_AGENT
from bot.redirects import DirectConnect, is_redirect
from web_access.bodies import BodyTooLargeError, read_beginning, read_body

_log = logging.getLogger(__name__)

_TIMEOUT = aiohttp.ClientTimeout(total=15.0, connect=5.0)
_DOWNLOAD_TIMEOUT = aiohttp.ClientTimeout(total=60.0, connect=5.0)
_CLEANUP_SECONDS = 5.0
_MAX_JSON_BYTES = 16 << 20
_MAX_SOCKET_BYTES = 16 << 20
"""Maximum number of bytes of a WebSocket message. The limit is high, because previews of pictures come over the
WebSocket too."""
_QUEUED_MESSAGES = 4
"""Maximum number of messages of the WebSocket that are buffered before ComfyUI has to wait."""
_PING_SECONDS = 20.0
"""Seconds between two pings of the WebSocket, and seconds in which each ping must be answered."""
REDIRECTED = "❌ ComfyUI redirects me elsewhere, so I can't draw. The people who run me can fix that."


class EventsError(Exception):
    """The WebSocket with ComfyUI's events can't be opened, or broke. The text says why, for the log."""


class ComfyUi:
    """A ComfyUI server.

    Unless a method says otherwise, it raises :class:`UnreachableError` if the server does not answer, and
    :class:`DrawingError` if the answer is not usable.

    Args:
        url: the server's base address.
    """

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self._base = URL(url.rstrip("/"))
        self._http = http

    async def submit(self, graph: dict[str, Any], client_id: str) -> str:
        """Add a drawing to ComfyUI's queue.

        Returns:
            the drawing's prompt id.

        Raises:
            DrawingError: ComfyUI finds a fault in the workflow.
        """
        status, body = await self._ask("POST", "prompt", {"prompt": graph, "client_id": client_id})
        if status == HTTPStatus.BAD_REQUEST:
            raise DrawingError(f"❌ ComfyUI does not accept the workflow: {rejection(body)}")
        prompt_id = body.get("prompt_id")
        if not isinstance(prompt_id, str):
            raise DrawingError(f"❌ ComfyUI refused to draw: it answered {status}.")
        return prompt_id

    async def queue_position(self, prompt_id: str) -> int | None:
        """The number of drawings before this one; 0 while it is being drawn; ``None`` if it is not in the queue."""
        running, pending = await self._queue()
        if any(item[1] == prompt_id for item in running):
            return 0
        waiting = [item[1] for item in sorted(pending, key=lambda item: item[0])]
        return len(running) + waiting.index(prompt_id) if prompt_id in waiting else None

    async def history(self, prompt_id: str) -> dict[str, Any] | None:
        """The history entry of a drawing; ``None`` if there is none (yet)."""
        _, body = await self._ask("GET", f"history/{prompt_id}")
        entry = body.get(prompt_id)
        return entry if isinstance(entry, dict) else None

    async def cancel(self, client_id: str) -> None:
        """Delete a client's drawings from the queue, and interrupt its running drawing. A failure is only logged."""
        try:
            async with asyncio.timeout(_CLEANUP_SECONDS):
                running, pending = await self._queue()
                if waiting := [item[1] for item in pending if _is_of(item, client_id)]:
                    await self._ask("POST", "queue", {"delete": waiting})
                for item in running:
                    if _is_of(item, client_id):
                        # Old versions of ComfyUI ignore the id and interrupt any running drawing. So the queue is read
                        # first, to see whose drawing is running.
                        await self._ask("POST", "interrupt", {"prompt_id": item[1]})
        except (DrawingError, TimeoutError) as error:
            _log.warning("A drawing could not be cancelled at ComfyUI: %s", error)

    async def free(self) -> None:
        """Ask ComfyUI to free its GPU memory. A failure is only logged."""
        try:
            async with asyncio.timeout(_CLEANUP_SECONDS):
                await self._ask("POST", "free", {"unload_models": True, "free_memory": True})
        except (DrawingError, TimeoutError) as error:
            _log.warning("ComfyUI may still hold the graphics card's memory: %s", error)

    async def fetch(self, file: PictureFile, limit: int) -> bytes:
        """Download a picture.

        Raises:
            DrawingError: the picture has more than ``limit`` bytes.
        """
        query = {"filename": file.filename, "subfolder": file.subfolder, "type": file.folder}
        try:
            async with self._http.get(
                self._base / "view", params=query, timeout=_DOWNLOAD_TIMEOUT, allow_redirects=False
            ) as response:
                _refuse_redirect(response)
                if response.status != HTTPStatus.OK:
                    raise DrawingError("❌ ComfyUI drew it, but refuses to hand over the picture.")
                return await read_body(response.content, limit)
        except BodyTooLargeError as error:
            text = f"❌ The picture is larger than the {limit >> 20} MB that Discord takes here."
            raise DrawingError(text) from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise UnreachableError("❌ ComfyUI drew it, but the picture could not be downloaded.") from error

    @asynccontextmanager
    async def events(self, client_id: str) -> AsyncIterator[ClientConnection]:
        """Open the WebSocket that reports the progress of a client's drawings in texts. Previews come as bytes.

        Raises:
            EventsError: it can't be opened, or broke.
        """
        scheme = "wss" if self._base.scheme == "https" else "ws"
        url = self._base.with_scheme(scheme).joinpath("ws").with_query(clientId=client_id)
        if url.user is not None:
            # The library refuses an address with a user name but no password.
            url = url.with_password(url.password or "")
        try:
            async with DirectConnect(
                str(url),
                user_agent_header=USER_AGENT,
                compression=None,
                proxy=None,
                open_timeout=_TIMEOUT.total,
                ping_interval=_PING_SECONDS,
                ping_timeout=_PING_SECONDS,
                close_timeout=_CLEANUP_SECONDS,
                max_size=_MAX_SOCKET_BYTES,
                max_queue=_QUEUED_MESSAGES,
            ) as connection:
                yield connection
        except InvalidStatus as error:
            status = error.response.status_code
            if is_redirect(status):
                raise EventsError("it redirects us elsewhere. Is COMFYUI_URL right?") from error
            raise EventsError(f"it answers with HTTP status {status}") from error
        except (WebSocketException, OSError) as error:
            raise EventsError(str(error) or type(error).__name__) from error

    async def _queue(self) -> tuple[list[list[Any]], list[list[Any]]]:
        _, body = await self._ask("GET", "queue")
        return _items(body.get("queue_running")), _items(body.get("queue_pending"))

    async def _ask(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
        """Send a request. Returns the HTTP status and the JSON object of the answer; ``{}`` if there is no object."""
        try:
            async with self._http.request(
                method, self._base.joinpath(path), json=body, timeout=_TIMEOUT, allow_redirects=False
            ) as response:
                text = await read_beginning(response.content, _MAX_JSON_BYTES)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise UnreachableError("❌ I can't draw at the moment: ComfyUI does not answer.") from error
        _refuse_redirect(response)
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise DrawingError(f"❌ ComfyUI failed: it answered {response.status}.")
        try:
            answer = json.loads(text) if text else {}
        except (ValueError, RecursionError):
            answer = {}
        return response.status, answer if isinstance(answer, dict) else {}


def _refuse_redirect(response: aiohttp.ClientResponse) -> None:
    """Raise DrawingError if the response redirects the bot elsewhere."""
    if is_redirect(response.status):
        raise DrawingError(REDIRECTED)


def _items(listed: object) -> list[list[Any]]:
    """The valid queue items. Each is a list: number, prompt id, graph, extra data and more."""
    items = listed if isinstance(listed, list) else []
    return [item for item in items if isinstance(item, list) and len(item) > 3 and isinstance(item[0], (int, float))]


def _is_of(item: list[Any], client_id: str) -> bool:
    return isinstance(item[3], dict) and item[3].get("client_id") == client_id
