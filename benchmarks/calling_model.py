"""A stand-in model that calls a tool before it answers."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

from aiohttp import web
from typing_extensions import override

from benchmarks.stand_in_model import StandInModel, event


class CallingModel(StandInModel):
    """Answers a person's words with a call of a tool, and the tool's result with the reply.

    Attributes:
        called: when the last byte of each call was written, in monotonic seconds.
        results: when each request with a result came, in monotonic seconds.
    """

    def __init__(self, tool: str, tokens: Sequence[str], *, first_token: float, rate: float) -> None:
        super().__init__(tokens, first_token=first_token, rate=rate)
        self.called: list[float] = []
        self.results: list[float] = []
        self._tool = tool

    @override
    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if not body.get("tools") or body["max_tokens"] == 1:
            return await self._reply(request)
        if body["messages"][-1]["role"] == "tool":
            self.results.append(time.monotonic())
            return await self._reply(request)
        return await self._call(request, self._tool)

    async def _reply(self, request: web.Request) -> web.StreamResponse:
        return await super()._answer(request)

    async def _call(self, request: web.Request, tool: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        call = {"index": 0, "id": "c1", "type": "function", "function": {"name": tool, "arguments": "{}"}}
        with contextlib.suppress(ConnectionResetError):
            await response.write(event({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}))
            await response.write(event({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}))
            await response.write(b"data: [DONE]\n\n")
            self.called.append(time.monotonic())
        return response
