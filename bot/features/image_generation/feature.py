"""The image generation feature: draws pictures, one per person at a time. It is paused during a call."""

from __future__ import annotations

import asyncio
import io
import logging
import random
from pathlib import PurePosixPath

import aiohttp
import discord

from bot.access import Permit, RateLimit, wait_text
from bot.discord_errors import DISCORD_ERRORS, discord_error_detail
from bot.features.image_generation.comfyui import ComfyUi
from bot.features.image_generation.drawing_request import (
    DrawingRequest,
    SpokenRequest,
    addressed,
    answer,
    react,
)
from bot.features.image_generation.job import DrawingJob
from bot.features.image_generation.outcome import DrawingError, PictureFile
from bot.features.image_generation.progress_message import ProgressMessage
from bot.features.image_generation.waiting_drawings import WaitingDrawings
from bot.features.image_generation.workflow import Slots, Workflow
from bot.text import shorten
from bot.work_gate import IN_FLIGHT_LIMIT, FeatureHeldError, WorkGate, WorkStoppedError

_log = logging.getLogger(__name__)

HELD = "🎤 I can't draw right now, I'm talking in voice chat! Ask me again after I leave the voice channel."
STOPPED = "🎤 I had to stop this drawing: I'm talking in voice chat now. Ask me again after I leave the voice channel."
NOT_ALLOWED = "❌ You are not allowed to let me draw here."
ALREADY = "⏳ One drawing at a time: I'm still working on your last one."
NOTHING = "❌ Tell me what to draw."
TOO_LONG = "❌ That description is too long: the limit is {limit} characters."
NOT_TAKEN = "❌ I drew it, but Discord did not accept the picture."
TOO_SLOW = "❌ This took longer than {seconds:g} s, so I gave up."

MAX_PROMPT_CHARS = 1000
_SHOWN_CHARS = 300
"""Maximum number of characters of a prompt that are shown above the progress."""
_MAX_PICTURES = 4
"""Maximum number of pictures of one drawing that are posted."""
_SIDE = 1024
"""Width and height of a drawing in pixels."""
_MAX_SEED = 2**32 - 1
_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".mp4", ".webm"})


class ImageGeneration:
    """Draws pictures for people. It is paused during a call (:class:`~bot.lease.Lockable`). Not thread-safe.

    Args:
        timeout: seconds for one drawing.
        http: the session for requests to ComfyUI. The caller closes it, after the last use of this object.
        permit: the people who may ask for drawings.
        rate: how often one person may ask.
        rng: the source of the drawings' seeds.
        in_flight_limit: the largest number of seconds that a starting call waits for a drawing in progress.
    """

    name = "image generation"

    def __init__(
        self,
        url: str,
        workflow: Workflow,
        timeout: float,
        http: aiohttp.ClientSession,
        permit: Permit,
        rate: RateLimit,
        *,
        rng: random.Random | None = None,
        in_flight_limit: float = IN_FLIGHT_LIMIT,
    ) -> None:
        self._workflow = workflow
        self._timeout = timeout
        self._server = ComfyUi(url, http)
        self._permit = permit
        self._rate = rate
        self._rng = rng or random.Random()
        self._gate = WorkGate(self.name, limit=in_flight_limit)
        self._jobs: dict[int, DrawingJob] = {}
        self._waiting = WaitingDrawings(self.draw, lambda: self._gate.held)

    @property
    def busy(self) -> bool:
        """Whether something is being drawn."""
        return self._gate.busy

    async def hold(self, reason: str) -> None:
        """Pause, and have ComfyUI free its GPU memory. Drawings that do not finish in time are cancelled."""
        await self._gate.hold(reason)
        await self._server.free()

    async def release(self) -> None:
        """Resume."""
        await self._gate.release()
        self._waiting.begin()

    async def begin_restart(self) -> None:
        """Tell the people whose drawings wait for the end of the call that these are given up, since they are not
        stored.
        """
        await self._waiting.give_up()

    async def close(self) -> None:
        """Stop drawing what was asked for in a call."""
        await self._waiting.close()

    def draw_when_free(self, request: SpokenRequest, prompt: str) -> bool:
        """Draw a picture now, or after the call if one is on. Returns whether it is drawn now.

        Raises:
            DrawingError: it is not drawn. The text says why.
        """
        refusal = self._unfit(request.author, " ".join(prompt.split()))
        if refusal is not None:
            raise DrawingError(refusal)
        self._waiting.add(request, prompt)
        return not self._gate.held

    async def draw(self, request: DrawingRequest, prompt: str) -> None:
        """Draw a picture, and answer the request with it. Returns after the answer.

        Raises:
            discord.HTTPException: the answer can't be posted.
        """
        prompt = " ".join(prompt.split())
        title = f"🎨 {discord.utils.escape_markdown(shorten(prompt, _SHOWN_CHARS))}"
        shown = ProgressMessage(request, addressed(request, title))
        try:
            async with self._gate.work():
                if refusal := self._refusal(request.author, prompt):
                    await answer(request, refusal)
                else:
                    await self._draw(request, prompt, shown)
        except FeatureHeldError:
            await answer(request, HELD)
            await react(request, "🎤")
        except WorkStoppedError:
            await shown.finish(STOPPED)

    def cancel(self, user: int) -> bool:
        """Cancel a person's drawing, at ComfyUI too. Returns False if there is none."""
        job = self._jobs.get(user)
        if job is not None:
            job.cancel()
        return job is not None

    def _unfit(self, author: discord.Member | discord.User, prompt: str) -> str | None:
        """Why this request can never be granted; ``None`` if it can be, now or later."""
        if not prompt:
            return NOTHING
        if len(prompt) > MAX_PROMPT_CHARS:
            return TOO_LONG.format(limit=MAX_PROMPT_CHARS)
        return None if self._permit.allows(author) else NOT_ALLOWED

    def _refusal(self, author: discord.Member | discord.User, prompt: str) -> str | None:
        if (unfit := self._unfit(author, prompt)) is not None:
            return unfit
        if author.id in self._jobs:
            return ALREADY
        wait = self._rate.take(author.id)
        return wait_text(wait) if wait else None

    async def _draw(self, request: DrawingRequest, prompt: str, shown: ProgressMessage) -> None:
        seed = self._rng.randint(0, _MAX_SEED)
        graph = self._workflow.fill(Slots(prompt, "", seed, _SIDE, _SIDE))
        job = self._jobs[request.author.id] = DrawingJob(self._server)
        limit = request.guild.filesize_limit if request.guild else discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES
        try:
            async with asyncio.timeout(self._timeout):
                pictures = (await job.run(graph, shown.show))[:_MAX_PICTURES]
                files = [await self._file(picture, number, limit) for number, picture in enumerate(pictures, 1)]
        except DrawingError as error:
            await shown.finish(str(error))
        except TimeoutError:
            await shown.finish(TOO_SLOW.format(seconds=self._timeout))
        else:
            await _post_pictures(shown, files)
        finally:
            del self._jobs[request.author.id]

    async def _file(self, picture: PictureFile, number: int, limit: int) -> discord.File:
        suffix = PurePosixPath(picture.filename).suffix.lower()
        data = await self._server.fetch(picture, limit)
        return discord.File(io.BytesIO(data), f"drawing-{number}{suffix if suffix in _SUFFIXES else '.png'}")


async def _post_pictures(shown: ProgressMessage, files: list[discord.File]) -> None:
    try:
        await shown.finish("", files)
    except DISCORD_ERRORS as error:
        _log.warning("Discord did not take a drawing: %s", discord_error_detail(error))
        await shown.finish(NOT_TAKEN)
