"""A scripted stand-in for the bot's web server: it serves the page, and a test says what comes over ``/ws/chat``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from aiohttp import WSMsgType, web

from audio.samples import Samples
from config.project import ROOT
from tests.http_server import LocalServer
from tests.timing import LIMIT, wait_until

PAGE = ROOT / "bot" / "http" / "page"
SCRIPTS = Path(__file__).with_name("scripts")
DOWN_RATE = 24_000
FRAME = DOWN_RATE // 50
PERSONAS = {"seiyuu": "Seiyuu", "evil_seiyuu": "Evil Seiyuu", "helper": "Kobi"}
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "media-src 'self' blob:",
        "worker-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
AHEAD = 1.0
"""Seconds of sound that a test sends ahead if it is not about late frames.

The page's own buffer would hold 60 ms, and on a busy machine frames wait for longer on their way through Chromium.
"""
Message = dict[str, Any]


@dataclass
class Client:
    """The page's end of one socket, as the server sees it.

    Attributes:
        messages: what the page has sent, in JSON.
        sound: the sound that the page has sent, one frame in each element: 16-bit mono at 16,000 Hz.
        over: whether the socket is closed.
        closing: held while the server waits until the page has answered a closing frame.
    """

    socket: web.WebSocketResponse
    messages: list[Message] = field(default_factory=list)
    sound: list[bytes] = field(default_factory=list)
    over: bool = False
    closing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.reading = asyncio.create_task(self._read(), name="stand-in: read")

    async def _read(self) -> None:
        async for message in self.socket:
            if message.type is WSMsgType.TEXT:
                self.messages.append(json.loads(message.data))
            elif message.type is WSMsgType.BINARY:
                self.sound.append(message.data)

    async def send(self, **message: Any) -> None:
        await self.socket.send_json(message)

    async def ready(self, session: str = "session-1", state: str = "listening", call: str | None = None) -> None:
        """Accept the call. By the id ``call``, the page finds what was said in it; ``None``: it is not told."""
        await self.got("hello")
        await self.send(type="state", state="connecting")
        await self.send(type="ready", session=session, down=DOWN_RATE, **({} if call is None else {"call": call}))
        await self.speaks_as("seiyuu")
        await self.send(type="state", state=state)

    async def speaks_as(self, persona: str) -> None:
        """Tell that this persona speaks from now on."""
        choices = [{"persona": each, "name": name} for each, name in PERSONAS.items()]
        await self.send(type="persona", persona=persona, name=PERSONAS[persona], choices=choices)

    async def heard(self, text: str, *, final: bool = True, person: str = "web:Ada") -> None:
        await self.send(type="transcription", text=text, final=final, person=person)

    async def begin(self, reply: str, text: str) -> None:
        """Begin to say a segment."""
        await self.send(type="state", state="speaking")
        await self.send(type="llm_token", reply=reply, token=text)
        await self.send(type="audio_response", reply=reply, segment=0, text=text, quality="fast")

    async def end(self, reply: str, reason: str = "done", **more: str) -> None:
        await self.send(type="audio_end", reply=reply, reason=reason, **more)
        await self.send(type="state", state="listening")

    async def play(self, sound: Samples, late: Callable[[int], float] = lambda frame: 0.0, ahead: float = 0.0) -> None:
        """Send sound at :data:`DOWN_RATE` in real time.

        Args:
            late: by how many seconds a frame is late. No frame overtakes another.
            ahead: how many seconds before it is due each frame is sent.
        """
        start = asyncio.get_running_loop().time()
        for frame, at in enumerate(range(0, len(sound), FRAME)):
            wait = start + 0.02 * frame + late(frame) - ahead - asyncio.get_running_loop().time()
            await asyncio.sleep(max(0.0, wait))
            pcm = np.round(np.clip(sound[at : at + FRAME], -1, 1) * 32767).astype("<i2")
            await self.socket.send_bytes(pcm.tobytes())

    async def played(self, reply: str, ms: float) -> None:
        """Wait until the page has played so many milliseconds of a reply."""
        await wait_until(lambda: any(told["reply"] == reply and told["ms"] >= ms for told in self.all("played")))

    async def close(self, code: int, reason: str = "") -> None:
        async with self.closing:
            # If a socket is closed while it is being read, aiohttp drops the connection at once. A page that still
            # sends sound then does not get the closing code.
            self.reading.cancel()
            await asyncio.wait([self.reading])
            await self.socket.close(code=code, message=reason.encode())

    def cut(self) -> None:
        """Break the connection without a closing handshake."""
        transport = self.socket._req.transport if self.socket._req is not None else None
        assert transport is not None
        transport.abort()

    def all(self, kind: str) -> list[Message]:
        return [message for message in self.messages if message["type"] == kind]

    async def got(self, kind: str, count: int = 1) -> Message:
        """Wait for the ``count``-th message of a type."""
        await wait_until(lambda: len(self.all(kind)) >= count)
        return self.all(kind)[count - 1]

    @property
    def samples(self) -> Samples:
        """All sound that has come."""
        return np.asarray(np.frombuffer(b"".join(self.sound), "<i2") / 32768, np.float32)


class ChatServer:
    """The server. Use it as an async context manager.

    Attributes:
        clients: the sockets of all pages, the oldest first.
        token: the token that the login takes; ``None`` if none is needed.
        refusal: an error that every new socket gets before it is closed with 1008.
        turns: the stored turns of the calls, by the ids of these.
        served: the paths of the page's files that were asked for, with their sizes.
    """

    def __init__(self) -> None:
        self.clients: list[Client] = []
        self.token: str | None = None
        self.refusal: Message | None = None
        self.turns: dict[str, list[Message]] = {}
        self.served: dict[str, int] = {}
        self._signed_in = False
        app = web.Application()
        app.add_routes(
            [
                web.get("/ws/chat", self._chat),
                web.post("/login", self._log_in),
                web.get("/api/conversations", self._conversations),
                web.get("/api/conversations/{id}", self._conversation),
                web.get("/tests/{name}", self._script),
                web.get("/{path:.*}", self._file),
            ]
        )
        app.on_response_prepare.append(self._protect)
        self._app = app
        self._server = LocalServer(app)
        self.port = 0

    async def __aenter__(self) -> ChatServer:
        await self._server.__aenter__()
        self.port = self._server.port
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    async def stop(self) -> None:
        """Break all connections, and stop the server."""
        for client in self.clients:
            if not client.over:
                client.cut()
        await self._server.stop()

    async def client(self, count: int = 1) -> Client:
        """Wait for the ``count``-th socket."""
        await wait_until(lambda: len(self.clients) >= count)
        return self.clients[count - 1]

    async def call(self, count: int = 1) -> Client:
        """Wait for the ``count``-th socket, and accept its call."""
        client = await self.client(count)
        await client.ready()
        return client

    async def _chat(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(timeout=LIMIT)
        await socket.prepare(request)
        if self.token is not None and not self._signed_in:
            self.refusal = {"code": "bad_token", "message": "The token is missing or wrong."}
        if self.refusal is not None:
            await socket.send_json({"type": "error", **self.refusal})
            await socket.close(code=1008)
            return socket
        client = Client(socket)
        self.clients.append(client)
        await client.send(type="state", state="idle")
        await asyncio.wait([client.reading])
        async with client.closing:
            client.over = True
        return socket

    async def _log_in(self, request: web.Request) -> web.Response:
        if (await request.json()) != {"token": self.token}:
            return web.json_response({"error": {"code": "bad_token", "message": "No."}}, status=401)
        self._signed_in, self.refusal = True, None
        return web.Response(status=204)

    async def _conversations(self, request: web.Request) -> web.Response:
        wanted = request.query["call"]
        found = [{"id": number} for number, call in enumerate(self.turns, start=1) if call == wanted]
        return web.json_response({"conversations": found})

    async def _conversation(self, request: web.Request) -> web.Response:
        turns = list(self.turns.values())[int(request.match_info["id"]) - 1]
        return web.json_response({"turns": turns, "earlier": False, "later": True})

    async def _file(self, request: web.Request) -> web.StreamResponse:
        path = (PAGE / (request.match_info["path"] or "index.html")).resolve()
        if not path.is_relative_to(PAGE) or not path.is_file():
            raise web.HTTPNotFound
        body = path.read_bytes()
        self.served[path.relative_to(PAGE).as_posix()] = len(body)
        return _response(body, path)

    async def _script(self, request: web.Request) -> web.StreamResponse:
        path = SCRIPTS / Path(request.match_info["name"]).name
        return _response(path.read_bytes(), path)

    async def _protect(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"


TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}


def _response(body: bytes, path: Path) -> web.Response:
    return web.Response(body=body, content_type=TYPES[path.suffix], charset="utf-8")


def noise(seconds: float, level: float = 0.25, seed: int = 1) -> Samples:
    """Noise without silence, at :data:`DOWN_RATE` and below 8,000 Hz: every place in it sounds different."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.standard_normal(round(seconds * DOWN_RATE)))
    spectrum[round(8_000 * seconds) :] = 0
    sound = np.fft.irfft(spectrum)
    return np.asarray(level * sound / np.max(np.abs(sound)), np.float32)
