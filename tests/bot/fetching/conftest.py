"""A fetcher for which 127.0.0.1 is the public internet, and 127.0.0.2 the operator's network."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_address

import pytest

from bot.fetching.addresses import IPAddress
from bot.fetching.fetcher import Fetcher
from tests.bot.fetching.hostile_server import HostileServer, plain

PUBLIC, PRIVATE = ip_address("127.0.0.1"), ip_address("127.0.0.2")


class Names:
    """The host names of a test, with their answers. Each look-up takes the next answer; the last answer is given again
    and again.
    """

    def __init__(self) -> None:
        self.answers: dict[str, list[Sequence[IPAddress]]] = {"public.test": [[PUBLIC]], "private.test": [[PRIVATE]]}
        self.asked: list[str] = []

    async def resolve(self, host: str) -> Sequence[IPAddress]:
        self.asked.append(host)
        answers = self.answers.get(host)
        if answers is None:
            raise OSError("no such name")
        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture
def names() -> Names:
    return Names()


@pytest.fixture
def fetcher(names: Names) -> Fetcher:
    return Fetcher(names.resolve, may_reach=lambda address: address == PUBLIC)


@pytest.fixture
async def public() -> AsyncIterator[HostileServer]:
    async with HostileServer() as server:
        server.answers["/"] = plain(b"hello", "Content-Type: text/plain; charset=utf-8")
        yield server
