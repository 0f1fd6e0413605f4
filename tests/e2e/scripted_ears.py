"""A transcription server that hears what a test wants, whatever the sound."""

from __future__ import annotations

from aiohttp import web

from tests.http_server import LocalServer, app_of


class ScriptedEars(LocalServer):
    """An OpenAI-style server on loopback; an async context manager.

    ``hears`` is what is said to every sound; ``prompts`` are the words that were likely to be said.
    """

    def __init__(self) -> None:
        super().__init__(app_of("/v1/audio/transcriptions", self._answer), "/v1")
        self.hears = ""
        self.prompts: list[str] = []

    async def _answer(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.prompts.append(str(form.get("prompt", "")))
        return web.json_response({"text": self.hears})
