"""A stand-in for a language model: an OpenAI-style server with a fixed first-token time and a fixed rate.

It notes when each request came and when each token left, so that a benchmark can take the model's share out of a turn.
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
    """One answered request; monotonic seconds. ``tokens`` holds each token with the time it was written."""

    requested: float
    tokens: list[tuple[str, float]] = field(default_factory=list)

    @property
    def first_token(self) -> float:
        """When the first token was written."""
        return self.tokens[0][1]

    def written_at(self, count: int) -> float:
        """When that many tokens had been written."""
        return self.tokens[count - 1][1]

    def tokens_until(self, text: str) -> int:
        """How many tokens had to be written until they contained all of ``text``.

        Raises:
            ValueError: what was written does not begin with ``text``.
        """
        written = ""
        for count, (token, _) in enumerate(self.tokens, start=1):
            written += token
            if written.startswith(text):
                return count
        raise ValueError(f"the reply does not begin with {text!r}")


class StandInModel(StandInServer):
    """Answers every chat request with the same tokens; an async context manager.

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
        # Who hangs up, because the reply was speculative or was interrupted, wants no more of it.
        with contextlib.suppress(ConnectionResetError):
            await self._write(response, times)
        return response

    async def _write(self, response: web.StreamResponse, times: ModelTimes) -> None:
        due = times.requested + self._first_token
        for token in self._tokens:
            await asyncio.sleep(due - time.monotonic())
            times.tokens.append((token, time.monotonic()))
            await response.write(_event({"choices": [{"index": 0, "delta": {"content": token}}]}))
            due += self._gap
        await response.write(_event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
        await response.write(b"data: [DONE]\n\n")


def _event(data: dict[str, object]) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()
