"""A model server with scripted answers and errors."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from aiohttp import web
from typing_extensions import override

from tests.http_server import LocalServer, app_of
from tests.llm.servers import DONE, FINISHED, begin_stream, delta_event, said


class Fault(Enum):
    """The error of an answer."""

    STATUS_500 = auto()
    LOADING = auto()
    """Answers that it is not ready, like a server that still loads its weights."""
    SILENT = auto()
    """Accepts the request and never answers."""
    STALL = auto()
    """Sends its text and then nothing more, not even an end."""
    REFUSES_PREFILL = auto()
    """Refuses to go on with an assistant's message, as llama.cpp's server does while its model thinks. Otherwise it
    answers."""
    BROKEN_JSON = auto()
    HANG_UP = auto()


@dataclass(frozen=True, slots=True)
class Answer:
    """The text of an answer, in words, and after it either an error or the names of tools that it calls, if any.

    ``arguments`` are those of each call, as JSON. The first word comes after ``delay`` seconds,
    and ``pause`` seconds are between two words.
    """

    text: str = ""
    fault: Fault | None = None
    calls: tuple[str, ...] = ()
    arguments: str = "{}"
    delay: float = 0.0
    pause: float = 0.0


Script = Callable[[str], Answer]
"""Takes the newest line of the conversation, and returns the answer."""


class ScriptedModel(LocalServer):
    """An OpenAI-style server on loopback; an async context manager.

    ``asked`` has the messages of every request, ``models`` the model that each one named. Requests that only warm it up
    are in ``warmed``. Requests whose messages and answer need more than ``context`` tokens are refused, and counted in
    ``refused``. An ASCII character is a quarter of a token, and any other character one and a half. With ``lists``, it
    answers ``/v1/models`` with these models, which belong to ``owner``, and counts such requests in ``listed``.
    ``called_at`` is when the last call of a tool was sent, in monotonic seconds, and ``offered`` has the names of the
    tools of the last request.
    """

    def __init__(
        self, script: Script, *, context: int | None = None, lists: Sequence[str] = (), owner: str = "somebody"
    ) -> None:
        app = app_of("/v1/chat/completions", self._answer)
        if lists:
            app.router.add_get("/v1/models", self._list)
        # Handlers notice that the client has hung up only if they are cancelled.
        super().__init__(app, "/v1", cancels=True)
        self.script = script
        self.context = context
        self._lists = lists
        self._owner = owner
        self.refused = 0
        self.listed = 0
        self.asked: list[list[dict[str, Any]]] = []
        self.warmed: list[list[dict[str, Any]]] = []
        self.models: list[str | None] = []
        self.open_streams = 0
        self.called_at = 0.0
        self.offered: list[str] = []
        self._ending = asyncio.Event()

    @property
    def results(self) -> list[str]:
        """The results of tools that were sent, in order."""
        return [messages[-1]["content"] for messages in self.asked if messages[-1]["role"] == "tool"]

    @override
    async def stop(self) -> None:
        self._ending.set()
        await super().stop()

    async def _list(self, _: web.Request) -> web.Response:
        self.listed += 1
        models = [{"id": name, "owned_by": self._owner} for name in self._lists]
        return web.json_response({"object": "list", "data": models})

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
            self.offered = [each["function"]["name"] for each in body.get("tools", [])]
        answer = Answer("Yes.") if warming else self.script(body["messages"][-1]["content"])
        if answer.fault is Fault.STATUS_500:
            return web.json_response({"error": {"message": "out of memory"}}, status=500)
        if answer.fault is Fault.LOADING:
            return web.json_response({"error": {"message": "Loading model", "type": "unavailable_error"}}, status=503)
        if answer.fault is Fault.REFUSES_PREFILL and body["messages"][-1]["role"] == "assistant":
            return _refuses_prefill()
        response = await begin_stream(request)
        self.open_streams += 1
        try:
            await asyncio.sleep(answer.delay)
            for word in answer.text.split(" ") if answer.text or not answer.calls else ():
                await response.write(said(word + " "))
                await asyncio.sleep(answer.pause)
            if answer.calls:
                await response.write(_calling(answer))
                self.called_at = time.monotonic()
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
                await response.write(FINISHED)
                await response.write(DONE)


def _calling(answer: Answer) -> bytes:
    """An event with the calls of an answer."""
    calls = [
        {
            "index": number,
            "id": f"call-{number}",
            "type": "function",
            "function": {"name": name, "arguments": answer.arguments},
        }
        for number, name in enumerate(answer.calls)
    ]
    return delta_event(tool_calls=calls)


def _tokens(message: dict[str, Any]) -> int:
    content = message["content"] or ""
    plain = sum(character.isascii() for character in content)
    return int(plain / 4 + 1.5 * (len(content) - plain))


def _refuses_prefill() -> web.Response:
    """The error of llama.cpp's server for an assistant's message at the end while thinking is on."""
    said = "Assistant response prefill is incompatible with enable_thinking."
    return web.json_response({"error": {"code": 400, "message": said, "type": "invalid_request_error"}}, status=400)


def _too_long(tokens: int, context: int) -> web.Response:
    """The error of llama.cpp's server for a prompt that is too long."""
    error = {
        "code": 400,
        "message": f"request ({tokens} tokens) exceeds the available context size ({context} tokens)",
        "type": "exceed_context_size_error",
        "n_prompt_tokens": tokens,
        "n_ctx": context,
    }
    return web.json_response({"error": error}, status=400)
