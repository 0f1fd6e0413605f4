"""A transcription server that returns the test's text for every sound."""

from __future__ import annotations

from aiohttp import web

from tests.http_server import LocalServer, app_of


class ScriptedEars(LocalServer):
    """The server, with OpenAI's API, on loopback. It is an async context manager.

    ``hears`` is the transcript of every sound. ``prompts`` has the field ``prompt`` of each request: words
    that the sound may contain.
    """

    def __init__(self) -> None:
        super().__init__(app_of("/v1/audio/transcriptions", self._answer), "/v1")
        self.hears = ""
        self.prompts: list[str] = []

    async def _answer(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.prompts.append(str(form.get("prompt", "")))
        return web.json_response({"text": self.hears})
