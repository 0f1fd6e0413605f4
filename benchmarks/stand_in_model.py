"""A stand-in for a language model: an OpenAI-style server with a fixed first-token time and a fixed rate.

It keeps the time of each request and of each token, so that a benchmark can subtract the time that the model took.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiohttp import web

from benchmarks.stand_in_server import StandInServer


@dataclass(slots=True)
class ModelTimes:
    """The times of one answered request, in monotonic seconds. ``tokens`` has each token with its time."""

    requested: float
    tokens: list[tuple[str, float]] = field(default_factory=list)

    @property
    def first_token(self) -> float:
        """The time of the first token."""
        return self.tokens[0][1]

    def written_at(self, count: int) -> float:
        """The time of token number ``count``."""
        return self.tokens[count - 1][1]

    def tokens_until(self, text: str) -> int:
        """The number of tokens, counted from the first one, after which the reply has all of ``text``.

        Raises:
            ValueError: the reply does not begin with ``text``.
        """
        written = ""
        for count, (token, _) in enumerate(self.tokens, start=1):
            written += token
            if written.startswith(text):
                return count
        raise ValueError(f"the reply does not begin with {text!r}")


class StandInModel(StandInServer):
    """Answers every chat request with the same tokens. Use it as an async context manager.

    Args:
        tokens: the reply.
        first_token: seconds from the request to the first token.
        rate: tokens a second after that.
    """

    def __init__(self, tokens: Sequence[str], *, first_token: float, rate: float) -> None:
        super().__init__("/chat/completions", self._answer)
        self.times: list[ModelTimes] = []
        self._tokens = tokens
        self._first_token = first_token
        self._gap = 1 / rate

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        times = ModelTimes(time.monotonic())
        self.times.append(times)
        await request.read()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        # The client hangs up when the reply was discarded or interrupted.
        with contextlib.suppress(ConnectionResetError):
            await self._write(response, times)
        return response

    async def _write(self, response: web.StreamResponse, times: ModelTimes) -> None:
        due = times.requested + self._first_token
        for token in self._tokens:
            await asyncio.sleep(due - time.monotonic())
            times.tokens.append((token, time.monotonic()))
            await response.write(event({"choices": [{"index": 0, "delta": {"content": token}}]}))
            due += self._gap
        await response.write(event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
        await response.write(b"data: [DONE]\n\n")


def event(data: dict[str, object]) -> bytes:
    """A server-sent event with a JSON object."""
    return f"data: {json.dumps(data)}\n\n".encode()
