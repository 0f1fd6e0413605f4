"""A speech server with the API for voices only, in memory, with errors on demand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.http_server import LocalServer

Json = dict[str, Any]
LARGEST = 30 * 1024 * 1024
ENGLISH: Json = {
    "id": "en-us",
    "name": "English (America)",
    "language": "en-us",
    "made_here": False,
    "engine": "Toy",
    "similarity": None,
    "seconds": None,
    "recordings": 0,
}
"""A voice of the engine's own."""


def refusal(status: int, message: str, code: str | None = None) -> web.Response:
    kind = "invalid_request_error" if status < 500 else "server_error"
    error = {"message": message, "type": kind, "param": None, "code": code}
    return web.json_response({"error": error}, status=status)


@dataclass(eq=False)
class VoiceServer:
    """The server.

    A test can set its fields. ``fault`` makes the answer to every request with the right token. ``refused`` is the
    answer to every new voice, and ``mute`` to every preview. ``sound`` is the sound of previews. With ``breaks_off``,
    the connection is cut before the end of the answer. New voices and recordings wait for ``learning``.
    """

    voices: dict[str, Json] = field(default_factory=dict)
    can_clone: bool = True
    token: str | None = None
    fault: Callable[[], web.Response] | None = None
    refused: web.Response | None = None
    mute: web.Response | None = None
    sound: bytes | None = None
    breaks_off: bool = False
    learning: asyncio.Event | None = None
    languages: list[str] = field(default_factory=list)
    received: list[tuple[str, bytes]] = field(default_factory=list)
    url: str = ""

    def made(self, name: str) -> Json:
        made = {"id": name.lower(), "name": name, "language": "en", "made_here": True, "engine": "Toy"}
        return made | {"similarity": 0.8213, "seconds": 8.0, "recordings": 1}

    async def list_voices(self, request: web.Request) -> web.Response:
        body = {"voices": [*self.voices.values(), ENGLISH], "can_clone": self.can_clone, "engine": "Toy"}
        return web.json_response(body)

    async def create(self, request: web.Request) -> web.Response:
        form = await request.post()
        name = str(form["name"])
        if name.lower() in self.voices:
            return refusal(409, f"there is a voice called {name!r} already", "voice_exists")
        await self._learn(form["recording"])
        if self.refused is not None:
            return self.refused
        self.languages.append(str(form.get("language", "en")))
        self.voices[name.lower()] = self.made(name)
        return web.json_response(self.voices[name.lower()], status=201)

    async def add(self, request: web.Request) -> web.Response:
        form = await request.post()
        await self._learn(form["recording"])
        voice = self.voices[request.match_info["voice"]]
        voice["recordings"] += 1
        return web.json_response(voice, status=201)

    async def _learn(self, file: object) -> None:
        assert isinstance(file, web.FileField)
        self.received.append((file.filename, file.file.read()))
        if self.learning is not None:
            await self.learning.wait()

    async def show(self, request: web.Request) -> web.Response:
        name = request.match_info["voice"]
        if name == "english":
            return web.json_response(ENGLISH)
        offer = "near it: fr-ch" if name == "frnch" else "English: en-us"
        return refusal(404, f"there is no voice {name!r}; {offer}", "unknown_voice")

    async def preview(self, request: web.Request) -> web.StreamResponse:
        if self.mute is not None:
            return self.mute
        sound = self.sound or b"RIFF of " + request.match_info["voice"].encode()
        if self.breaks_off:
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(sound)
            assert request.transport is not None
            request.transport.close()
            return response
        return web.Response(body=sound, content_type="audio/wav")

    async def delete(self, request: web.Request) -> web.Response:
        if self.voices.pop(request.match_info["voice"], None) is None:
            return refusal(404, "there is no such voice", "unknown_voice")
        return web.Response(status=204)

    @web.middleware
    async def admit(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return refusal(401, "the token is missing or wrong", "invalid_api_key")
        if self.fault is not None:
            return self.fault()
        response: web.StreamResponse = await handler(request)
        return response


@asynccontextmanager
async def voice_server() -> AsyncIterator[VoiceServer]:
    """The started server. ``url`` is the WebSocket's address, as in the settings, but only the HTTP API is there."""
    server = VoiceServer()
    app = web.Application(middlewares=[server.admit], client_max_size=LARGEST)
    app.add_routes(
        [
            web.get("/v1/voices", server.list_voices),
            web.post("/v1/voices", server.create),
            web.delete("/v1/voices/{voice}", server.delete),
            web.get("/v1/voices/{voice}", server.show),
            web.get("/v1/voices/{voice}/preview", server.preview),
            web.post("/v1/voices/{voice}/recordings", server.add),
        ]
    )
    async with LocalServer(app, "/ws/stream", scheme="ws") as running:
        server.url = running.url
        yield server
