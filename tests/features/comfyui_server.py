"""A fake ComfyUI: its HTTP and WebSocket API, a queue, and drawings whose progress the test controls."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import struct
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import WSMsgType, web
from typing_extensions import override

from tests.http_server import LocalServer

Json = dict[str, Any]

PNG = b"\x89PNG\r\n\x1a\n" + b"a picture" * 20
STEPS = 4
_PREVIEW_IMAGE, _JPEG = 1, 1


@dataclass(slots=True)
class Drawing:
    """An entry of the queue, in ComfyUI's format."""

    number: int
    prompt_id: str
    graph: Json
    client_id: str

    @property
    def item(self) -> list[Any]:
        return [self.number, self.prompt_id, self.graph, {"client_id": self.client_id}, ["9"]]


class ComfyUiServer(LocalServer):
    """The server, on loopback. It is an async context manager.

    Attributes:
        going: while cleared, a drawing waits after its first step.
        graphs: all accepted graphs.
        requests: all requests, as ``METHOD /path``.
        rejection: what the server answers to ``POST /prompt``; ``None`` if it accepts drawings.
        failure: the error with which the next drawing fails; ``None`` if it succeeds.
        pictures: the pictures that each drawing results in.
        elsewhere: where requests for the WebSocket are redirected; ``None`` if they are served.
        refusals: the answers to the next requests for the WebSocket, before any is served.
        chatty: whether it reports its status over the WebSocket whenever it is asked for the queue.
    """

    def __init__(self) -> None:
        self.going = asyncio.Event()
        self.going.set()
        self.graphs: list[Json] = []
        self.requests: list[str] = []
        self.rejection: Json | None = None
        self.failure: str | None = None
        self.pictures = [PNG]
        self.elsewhere: str | None = None
        self.refusals: Iterator[web.HTTPException] = iter(())
        self.chatty = False
        self._numbers = itertools.count()
        self._running: Drawing | None = None
        self._pending: list[Drawing] = []
        self._history: dict[str, Json] = {}
        self._sockets: dict[str, web.WebSocketResponse] = {}
        self._transports: dict[web.WebSocketResponse, asyncio.Transport] = {}
        self._queued = asyncio.Event()
        self._interrupted = asyncio.Event()
        self.stepped = asyncio.Event()
        """A drawing has done its first step."""
        app = web.Application(middlewares=[self._note])
        app.add_routes(
            [
                web.post("/prompt", self._post_prompt),
                web.get("/queue", self._get_queue),
                web.post("/queue", self._post_queue),
                web.post("/interrupt", self._post_interrupt),
                web.post("/free", self._post_free),
                web.get("/history/{prompt_id}", self._get_history),
                web.get("/view", self._get_view),
                web.get("/ws", self._socket),
            ]
        )
        super().__init__(app, cancels=True)

    @override
    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._worker = asyncio.create_task(self._work())
        return self

    @override
    async def stop(self) -> None:
        """Stop immediately, even during a drawing."""
        self._worker.cancel()
        await asyncio.gather(self._worker, return_exceptions=True)
        self.break_sockets()
        await super().stop()

    def break_sockets(self) -> None:
        """Close all WebSockets, as a restarted proxy would."""
        for transport in self._transports.values():
            transport.abort()

    def restart(self) -> None:
        """Start again without queue and history."""
        self._worker.cancel()
        self._pending.clear()
        self._running = None
        self._history.clear()
        self.break_sockets()
        self._worker = asyncio.create_task(self._work())

    @property
    def idle(self) -> bool:
        """Whether the queue is empty and nothing is drawn."""
        return self._running is None and not self._pending

    def enqueue(self) -> None:
        """Add a drawing of another client to the queue."""
        self._pending.append(Drawing(next(self._numbers), str(uuid.uuid4()), {}, "somebody else"))
        self._queued.set()

    @web.middleware
    async def _note(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path}")
        response: web.StreamResponse = await handler(request)
        return response

    async def _post_prompt(self, request: web.Request) -> web.Response:
        body = await request.json()
        if self.rejection is not None:
            return web.json_response(self.rejection, status=400)
        drawing = Drawing(next(self._numbers), str(uuid.uuid4()), body["prompt"], body["client_id"])
        self.graphs.append(drawing.graph)
        self._pending.append(drawing)
        self._queued.set()
        await self._tell_status()
        return web.json_response({"prompt_id": drawing.prompt_id, "number": drawing.number, "node_errors": {}})

    async def _get_queue(self, _request: web.Request) -> web.Response:
        if self.chatty:
            await self._tell_status()
        running = [self._running.item] if self._running else []
        return web.json_response(
            {"queue_running": running, "queue_pending": [drawing.item for drawing in self._pending]}
        )

    async def _post_queue(self, request: web.Request) -> web.Response:
        gone = (await request.json()).get("delete", [])
        self._pending = [drawing for drawing in self._pending if drawing.prompt_id not in gone]
        await self._tell_status()
        return web.Response()

    async def _post_interrupt(self, request: web.Request) -> web.Response:
        wanted = (await request.json()).get("prompt_id")
        if self._running is not None and wanted in (None, self._running.prompt_id):
            self._interrupted.set()
        return web.Response()

    async def _post_free(self, _request: web.Request) -> web.Response:
        return web.Response()

    async def _get_history(self, request: web.Request) -> web.Response:
        prompt_id = request.match_info["prompt_id"]
        return web.json_response({prompt_id: self._history[prompt_id]} if prompt_id in self._history else {})

    async def _get_view(self, request: web.Request) -> web.Response:
        names = [file["filename"] for file in self._files()]
        if request.query["filename"] not in names or request.query["type"] != "output":
            return web.Response(status=404)
        return web.Response(body=self.pictures[names.index(request.query["filename"])], content_type="image/png")

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        if self.elsewhere is not None:
            raise web.HTTPTemporaryRedirect(self.elsewhere)
        if (refusal := next(self.refusals, None)) is not None:
            raise refusal
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        client_id = request.query["clientId"]
        self._sockets[client_id] = socket
        if request.transport is not None:
            self._transports[socket] = request.transport
        await socket.send_json({"type": "status", "data": {"status": self._status(), "sid": client_id}})
        try:
            async for message in socket:
                if message.type is WSMsgType.ERROR:
                    break
        finally:
            self._transports.pop(socket, None)
            if self._sockets.get(client_id) is socket:
                del self._sockets[client_id]
        return socket

    async def _work(self) -> None:
        while True:
            await self._queued.wait()
            if not self._pending:
                self._queued.clear()
                continue
            drawing = self._running = self._pending.pop(0)
            messages: list[list[Any]] = []
            failure = await self._draw(drawing, messages)
            self._history[drawing.prompt_id] = {
                "prompt": drawing.item,
                "outputs": {} if failure else {"9": {"images": self._files()}},
                "status": {"status_str": failure or "success", "completed": not failure, "messages": messages},
                "meta": {},
            }
            self._running = None
            await self._tell_status()
            await self._tell(drawing, "executing", {"node": None})

    async def _draw(self, drawing: Drawing, messages: list[list[Any]]) -> str:
        """Draw, and send ComfyUI's events. Returns "error" if the drawing failed."""

        async def say(event: str, data: Json) -> None:
            messages.append([event, {"prompt_id": drawing.prompt_id, **data}])
            await self._tell(drawing, event, data)

        self._interrupted.clear()
        await say("execution_start", {"timestamp": 1})
        await say("execution_cached", {"nodes": ["4"], "timestamp": 1})
        await self._tell(drawing, "executing", {"node": "3", "display_node": "3"})
        for step in range(1, STEPS + 1):
            await self._tell(drawing, "progress", {"value": step, "max": STEPS, "node": "3"})
            if socket := self._sockets.get(drawing.client_id):
                await socket.send_bytes(struct.pack(">II", _PREVIEW_IMAGE, _JPEG) + b"\xff\xd8\xff preview")
            self.stepped.set()
            if not await self._may_go_on():
                await say("execution_interrupted", {"node_id": "3", "node_type": "KSampler", "executed": ["4"]})
                return "error"
        if self.failure is not None:
            about = {"node_id": "3", "node_type": "KSampler", "exception_message": self.failure}
            self.failure = None
            await say("execution_error", {**about, "exception_type": "RuntimeError", "traceback": ["…"]})
            return "error"
        await self._tell(drawing, "executed", {"node": "9", "output": {"images": self._files()}})
        await say("execution_success", {"timestamp": 2})
        return ""

    async def _may_go_on(self) -> bool:
        waits = [asyncio.create_task(self.going.wait()), asyncio.create_task(self._interrupted.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return not self._interrupted.is_set()

    def _files(self) -> list[Json]:
        numbers = range(1, len(self.pictures) + 1)
        return [{"filename": f"seiyuu_{number:05}_.png", "subfolder": "", "type": "output"} for number in numbers]

    def _status(self) -> Json:
        return {"exec_info": {"queue_remaining": len(self._pending) + (self._running is not None)}}

    async def _tell(self, drawing: Drawing, event: str, data: Json) -> None:
        if socket := self._sockets.get(drawing.client_id):
            await _send(socket, {"type": event, "data": {"prompt_id": drawing.prompt_id, **data}})

    async def _tell_status(self) -> None:
        for socket in list(self._sockets.values()):
            await _send(socket, {"type": "status", "data": {"status": self._status()}})


async def _send(socket: web.WebSocketResponse, message: Json) -> None:
    with contextlib.suppress(ConnectionError):
        await socket.send_json(message)
