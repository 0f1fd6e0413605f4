"""``/v1/audio/voices`` and ``/v1/audio/models``: where Open WebUI and its like look for what they can offer."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from aiohttp import web

from tts_server.speaking.speech import Speech


class AudioApi:
    """The endpoints.

    Args:
        ready: gives the voice, or raises the HTTP error that says why there is none.
        models: every name that ``model`` may have.
    """

    def __init__(self, ready: Callable[[], Speech], models: Callable[[], Iterable[str]]) -> None:
        self._ready = ready
        self._models = models

    def routes(self) -> list[web.RouteDef]:
        """To be added to an application."""
        return [
            web.get("/v1/audio/voices", self._list_voices, allow_head=False),
            web.get("/v1/audio/models", self._list_models, allow_head=False),
        ]

    async def _list_voices(self, _: web.Request) -> web.Response:
        """Every voice, those made from recordings too; those of the engine that is wanted first."""
        voices = [
            {"id": voice.id, "name": voice.name, "language": voice.language, "engine": engine.name}
            for engine in self._ready().engines
            for voice in engine.voices()
        ]
        return web.json_response({"voices": voices})

    async def _list_models(self, _: web.Request) -> web.Response:
        return web.json_response({"models": [{"id": name, "name": name} for name in self._models()]})
