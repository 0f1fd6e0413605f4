"""One drawing at ComfyUI: it is submitted, its progress is followed, and its result is fetched."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bot.features.image_generation.comfyui import ComfyUi, EventsError
from bot.features.image_generation.outcome import (
    CancelledByUserError,
    DrawingError,
    PictureFile,
    UnreachableError,
    pictures_of,
)
from config.plain_json import read_json

_log = logging.getLogger(__name__)

POLL_SECONDS = 2.0
"""Seconds between two polls of the queue and the history, if the WebSocket reports nothing."""
SOONEST_POLL_SECONDS = 0.25
"""Minimum number of seconds between two polls, however often the WebSocket reports something."""
RECONNECT_SECONDS = 1.0
"""Seconds before the WebSocket is opened again after it broke."""
CONNECT_SECONDS = 2.0
"""Maximum number of seconds that a job waits for the WebSocket before it submits the drawing.

If ComfyUI sends events before the WebSocket is open, the job does not get them.
"""
MAX_REASONS = 5
"""Maximum number of reasons for a broken WebSocket that are logged for one drawing. Each reason is logged once."""
UNREACHABLE_SECONDS = 20.0
"""Seconds that ComfyUI may be unreachable during a drawing before the drawing fails."""

LOST = "❌ ComfyUI no longer knows this drawing: it was removed there, or ComfyUI was restarted."


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a drawing: ``ahead`` drawings before it in the queue, then ``step`` of ``steps`` (0 if unknown)."""

    ahead: int
    step: int = 0
    steps: int = 0


class DrawingJob:
    """One drawing. Call :meth:`run` once.

    The result comes from ComfyUI's history, which is polled. The WebSocket only reports progress, and makes polls come
    sooner, so a drawing survives a broken WebSocket.
    """

    def __init__(self, server: ComfyUi, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._server = server
        self._clock = clock
        self._client_id = uuid.uuid4().hex
        self._cancelled = False
        self._ahead = 0
        self._step = self._steps = 0
        self._poll_now = False
        self._changed = asyncio.Event()
        self._tried_listening = asyncio.Event()

    def cancel(self) -> None:
        """Make :meth:`run` raise :class:`CancelledByUserError`. Does nothing if :meth:`run` has ended."""
        self._cancelled = True
        self._changed.set()

    async def run(self, graph: dict[str, Any], show: Callable[[Progress], Awaitable[None]]) -> tuple[PictureFile, ...]:
        """Have ComfyUI draw ``graph``. If this method ends early for any reason, it cancels the drawing at ComfyUI too.

        Args:
            show: called with the progress, after each poll and at every change.

        Raises:
            DrawingError: there is no picture. The text is for the person who asked.
        """
        async with self._listening():
            try:
                prompt_id = await self._server.submit(graph, self._client_id)
                return await self._wait_for_pictures(prompt_id, show)
            except BaseException:
                await self._server.cancel(self._client_id)
                raise

    async def _wait_for_pictures(
        self, prompt_id: str, show: Callable[[Progress], Awaitable[None]]
    ) -> tuple[PictureFile, ...]:
        seen = self._clock()
        while True:
            if self._cancelled:
                raise CancelledByUserError("🛑 Cancelled.")
            self._poll_now = False
            try:
                ahead = await self._server.queue_position(prompt_id)
                # The queue is read before the history. A drawing enters the history before it leaves the queue, so it
                # can't be missed in both.
                entry = await self._server.history(prompt_id) if ahead is None else None
            except UnreachableError:
                if self._clock() - seen > UNREACHABLE_SECONDS:
                    raise
            else:
                seen = self._clock()
                if entry is not None:
                    return pictures_of(entry)
                if ahead is None:
                    raise DrawingError(LOST)
                self._ahead = ahead
            await self._show_until_next_poll(show)

    async def _show_until_next_poll(self, show: Callable[[Progress], Awaitable[None]]) -> None:
        polled_at = self._clock()
        while not self._cancelled:
            left = polled_at + (SOONEST_POLL_SECONDS if self._poll_now else POLL_SECONDS) - self._clock()
            if left <= 0:
                return
            await show(Progress(self._ahead, self._step, self._steps))
            try:
                async with asyncio.timeout(left):
                    await self._changed.wait()
            except TimeoutError:
                return
            self._changed.clear()

    @contextlib.asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        listener = asyncio.create_task(self._listen(), name="ComfyUI's events")
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CONNECT_SECONDS):
                    await self._tried_listening.wait()
            yield
        finally:
            listener.cancel()
            (ended,) = await asyncio.gather(listener, return_exceptions=True)
            if isinstance(ended, Exception):
                _log.error("The progress of a drawing can't be shown", exc_info=ended)

    async def _listen(self) -> None:
        logged = set[str]()
        while True:
            try:
                async with self._server.events(self._client_id) as events:
                    self._tried_listening.set()
                    async for message in events:
                        # Binary messages are previews; they are ignored.
                        if isinstance(message, str):
                            self._take(message)
            except EventsError as error:
                if str(error) not in logged and len(logged) < MAX_REASONS:
                    logged.add(str(error))
                    _log.warning("The progress of a drawing can't be shown: ComfyUI's WebSocket broke: %s", error)
            self._tried_listening.set()
            await asyncio.sleep(RECONNECT_SECONDS)

    def _take(self, text: str) -> None:
        try:
            event = read_json(text)
        except (ValueError, RecursionError):
            return
        match event:
            case {"type": "progress", "data": {"value": int() | float() as step, "max": int() | float() as steps}}:
                self._ahead, self._step, self._steps = 0, int(step), int(steps)
            case {"type": "executing" | "execution_start", "data": {"node": str()} | {"prompt_id": str()}}:
                self._ahead = 0
            case {"type": "status" | "execution_success" | "execution_error" | "execution_interrupted"}:
                self._poll_now = True
            case _:
                return
        self._changed.set()
