"""A transcription server that hears what a test wants, whatever the sound."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from aiohttp import web


class ScriptedEars:
    """An OpenAI-style server on loopback; an async context manager.

    ``hears`` is what is said to every sound; ``prompts`` are the words that were likely to be said.
    """

    def __init__(self) -> None:
        self.hears = ""
        self.prompts: list[str] = []
        self.url = ""
        app = web.Application()
        app.router.add_post("/v1/audio/transcriptions", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.prompts.append(str(form.get("prompt", "")))
        return web.json_response({"text": self.hears})
