"""One drawing at ComfyUI, from its submission to its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp

from bot.features.image_generation.comfyui import ComfyUi
from bot.features.image_generation.outcome import (
    CancelledByUserError,
    DrawingError,
    PictureFile,
    UnreachableError,
    pictures_of,
)

_log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
"""How often the queue and the history are looked at when the WebSocket says nothing."""
RECONNECT_SECONDS = 1.0
EARS_SECONDS = 2.0
"""How long a drawing waits for the WebSocket: what is told before that is missed."""
TIMEOUT_SECONDS = 20.0
"""How long ComfyUI may be out of reach in the middle of a drawing."""

LOST = "❌ ComfyUI no longer knows this drawing: it was removed there, or ComfyUI was restarted."


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a drawing is: so many before it in the queue, then so many steps done of so many (0 of 0: unknown)."""

    ahead: int
    step: int = 0
    steps: int = 0


class Job:
    """A drawing, to be run once.

    The history is what is believed; the WebSocket only tells of progress, and when it is worth looking. So a drawing
    survives a broken WebSocket.
    """

    def __init__(self, server: ComfyUi, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._server = server
        self._clock = clock
        self._client_id = uuid.uuid4().hex
        self._cancelled = False
        self._ahead = 0
        self._step = self._steps = 0
        self._worth_looking = False
        self._news = asyncio.Event()
        self._tried_listening = asyncio.Event()

    def cancel(self) -> None:
        """Make :meth:`run` end; does nothing once it has ended."""
        self._cancelled = True
        self._news.set()

    async def run(self, graph: dict[str, Any], show: Callable[[Progress], Awaitable[None]]) -> tuple[PictureFile, ...]:
        """Have it drawn; whatever ends this early withdraws it from ComfyUI too.

        Args:
            show: told of progress, as often as there is any.

        Raises:
            DrawingError: there is no picture.
        """
        async with self._listening():
            try:
                prompt_id = await self._server.submit(graph, self._client_id)
                return await self._finished(prompt_id, show)
            except BaseException:
                await self._server.withdraw(self._client_id)
                raise

    async def _finished(self, prompt_id: str, show: Callable[[Progress], Awaitable[None]]) -> tuple[PictureFile, ...]:
        seen = self._clock()
        while True:
            if self._cancelled:
                raise CancelledByUserError("🛑 Cancelled.")
            self._worth_looking = False
            try:
                ahead = await self._server.ahead(prompt_id)
                # In this order: what leaves the queue is in the history already.
                entry = await self._server.history(prompt_id) if ahead is None else None
            except UnreachableError:
                if self._clock() - seen > TIMEOUT_SECONDS:
                    raise
            else:
                seen = self._clock()
                if entry is not None:
                    return pictures_of(entry)
                if ahead is None:
                    raise DrawingError(LOST)
                self._ahead = ahead
            await self._show_until_next_look(show)

    async def _show_until_next_look(self, show: Callable[[Progress], Awaitable[None]]) -> None:
        look_at = self._clock() + LOOK_SECONDS
        while not self._cancelled and not self._worth_looking and (left := look_at - self._clock()) > 0:
            await show(Progress(self._ahead, self._step, self._steps))
            try:
                async with asyncio.timeout(left):
                    await self._news.wait()
            except TimeoutError:
                return
            self._news.clear()

    @contextlib.asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        listener = asyncio.create_task(self._listen(), name="ComfyUI's events")
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EARS_SECONDS):
                    await self._tried_listening.wait()
            yield
        finally:
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            try:
                async with self._server.events(self._client_id) as socket:
                    self._tried_listening.set()
                    async for message in socket:
                        # Binary messages are previews.
                        if message.type is aiohttp.WSMsgType.TEXT:
                            self._take(message.data)
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                _log.info("ComfyUI's WebSocket broke: %s", error)
            self._tried_listening.set()
            await asyncio.sleep(RECONNECT_SECONDS)

    def _take(self, text: str) -> None:
        try:
            event = json.loads(text)
        except (ValueError, RecursionError):
            return
        match event:
            case {"type": "progress", "data": {"value": int() | float() as step, "max": int() | float() as steps}}:
                self._ahead, self._step, self._steps = 0, int(step), int(steps)
            case {"type": "executing" | "execution_start", "data": {"node": str()} | {"prompt_id": str()}}:
                self._ahead = 0
            case {"type": "status" | "execution_success" | "execution_error" | "execution_interrupted"}:
                self._worth_looking = True
            case _:
                return
        self._news.set()
