"""Waiting for the steps of an answer, as long as it gets on and somebody wants it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from aiohttp import web

_LOOK_SECONDS = 0.25

_Result = TypeVar("_Result")


class Progress:
    """The steps of one request's answer, each of which may take ``patience`` seconds."""

    def __init__(self, request: web.Request, patience: float) -> None:
        self._request = request
        self._patience = patience

    async def step(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """What ``work`` returns.

        Raises:
            TimeoutError: it took too long.
            ConnectionResetError: the client closed the connection.
        """
        # aiohttp tells a handler of a client that has gone only when it writes, which may be never.
        task = asyncio.ensure_future(work)
        try:
            async with asyncio.timeout(self._patience):
                while not (await asyncio.wait([task], timeout=_LOOK_SECONDS))[0]:
                    if self._request.transport is None:
                        raise ConnectionResetError("the client closed the connection")
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
