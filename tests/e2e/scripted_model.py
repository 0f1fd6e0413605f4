"""A model server with a script: says what a test wants, and fails as a test wants."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from types import TracebackType
from typing import Any, Self

from aiohttp import web


class Fault(Enum):
    """How an answer goes wrong."""

    STATUS_500 = auto()
    LOADING = auto()
    """Is not ready, as a server says that still loads its weights."""
    SILENT = auto()
    """Takes the request and never says a word."""
    STALL = auto()
    """Says its text and then nothing more, not even an end."""
    BROKEN_JSON = auto()
    HANG_UP = auto()


@dataclass(frozen=True, slots=True)
class Answer:
    """Text, in words, and what goes wrong after it."""

    text: str = ""
    fault: Fault | None = None


Script = Callable[[str], Answer]
"""From the newest line of the conversation to the answer."""


class ScriptedModel:
    """An OpenAI-style server on loopback; an async context manager.

    ``asked`` holds the messages of every request, ``models`` the model that it named; requests that only warm it up
    are in ``warmed``. ``context`` is how many tokens it takes in at once, a quarter for each character of ASCII and one
    and a half for others; ``refused`` counts what was longer.
    """

    def __init__(self, script: Script, *, context: int | None = None) -> None:
        self.script = script
        self.context = context
        self.refused = 0
        self.asked: list[list[dict[str, Any]]] = []
        self.warmed: list[list[dict[str, Any]]] = []
        self.models: list[str | None] = []
        self.open_streams = 0
        self.url = ""
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._answer)
        # Only then does a handler notice that the client has hung up.
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        self._ending = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        warming = body.get("max_tokens") == 1
        tokens = sum(map(_tokens, body["messages"]))
        if self.context is not None and tokens + body["max_tokens"] > self.context:
            self.refused += 1
            return _too_long(tokens, self.context)
        (self.warmed if warming else self.asked).append(body["messages"])
        if not warming:
            self.models.append(body.get("model"))
        answer = Answer("Yes.") if warming else self.script(body["messages"][-1]["content"])
        if answer.fault is Fault.STATUS_500:
            return web.json_response({"error": {"message": "out of memory"}}, status=500)
        if answer.fault is Fault.LOADING:
            return web.json_response({"error": {"message": "Loading model", "type": "unavailable_error"}}, status=503)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        self.open_streams += 1
        try:
            for word in answer.text.split(" "):
                await response.write(_event({"choices": [{"index": 0, "delta": {"content": word + " "}}]}))
            await self._end(request, response, answer.fault)
        finally:
            self.open_streams -= 1
        return response

    async def _end(self, request: web.Request, response: web.StreamResponse, fault: Fault | None) -> None:
        match fault:
            case Fault.SILENT | Fault.STALL:
                await self._ending.wait()
            case Fault.BROKEN_JSON:
                await response.write(b'data: {"choices": [{"delta": {"cont\n\n')
            case Fault.HANG_UP:
                if request.transport is not None:
                    request.transport.abort()
            case _:
                await response.write(_event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
                await response.write(b"data: [DONE]\n\n")


def _tokens(message: dict[str, Any]) -> int:
    plain = sum(character.isascii() for character in message["content"])
    return int(plain / 4 + 1.5 * (len(message["content"]) - plain))


def _too_long(tokens: int, context: int) -> web.Response:
    """As llama.cpp's server says it."""
    error = {
        "code": 400,
        "message": f"request ({tokens} tokens) exceeds the available context size ({context} tokens)",
        "type": "exceed_context_size_error",
        "n_prompt_tokens": tokens,
        "n_ctx": context,
    }
    return web.json_response({"error": error}, status=400)


def _event(data: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()
