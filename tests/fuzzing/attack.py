"""Attacks a server with hostile requests and hostile clients of its WebSockets, several at once."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.fuzzing.documents import operations
from tests.fuzzing.exchange import complaint, send
from tests.fuzzing.requests import Request, hostile_requests
from tests.fuzzing.sockets import converse

AT_ONCE = 6
"""Number of clients. At most four requests use the engines at once, so this is enough to be refused now and then."""
SOCKET = "WebSocket"
_UPGRADES = 0.8
"""The share of the requests to a WebSocket's path that open the WebSocket."""


@dataclass(frozen=True, slots=True)
class Target:
    """A server.

    Attributes:
        document: its OpenAPI document.
        headers: what every client sends, such as its token.
        fields: the names of the fields of its errors.
        secrets: texts that no answer may contain.
    """

    port: int
    document: Mapping[str, Any]
    headers: Mapping[str, str]
    fields: Collection[str]
    secrets: Collection[bytes]


async def attack(target: Target, count: int, seed: int) -> Counter[object]:
    """Send this number of requests. Returns how many answers had each status (0: none), and how many were WebSockets.

    Raises:
        AssertionError: an answer is one that no server may give.
    """
    found = operations(target.document)
    sockets = {each.path for each in found if each.opens_socket}
    rng = random.Random(seed)
    requests = itertools.islice(hostile_requests(found, seed, target.headers), count)
    answered: Counter[object] = Counter()

    async def ask(session: aiohttp.ClientSession, request: Request) -> None:
        if request.path in sockets and rng.random() < _UPGRADES:
            url = f"http://127.0.0.1:{target.port}{request.path}"
            wrong = await converse(session, url, request.path, rng, target.secrets)
            assert wrong is None, f"{request.path}, seed {seed}: {wrong}"
            answered[SOCKET] += 1
            return
        answer = await send(target.port, request)
        wrong = complaint(answer, target.secrets, target.fields)
        assert wrong is None, f"{wrong}, seed {seed}: {request}\n{answer.head!r}\n{answer.body[:2_000]!r}"
        answered[answer.status] += 1

    async def client(session: aiohttp.ClientSession) -> None:
        for request in requests:
            await ask(session, request)

    async with aiohttp.ClientSession(headers=target.headers) as session, asyncio.TaskGroup() as clients:
        for _ in range(AT_ONCE):
            clients.create_task(client(session))
    return answered
