"""Tests of lookups of names: one that hangs holds up neither other work nor the end of the program."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from config import lookup_loop
from config.lookup_loop import run_loop
from tests.timing import LIMIT

MANY = 40
"""More lookups than asyncio has threads for everything."""


class NameServer:
    """Stands in for the system's lookup. Names that begin with "hang" get no answer until the end of the test."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.may_answer = threading.Event()

    def look_up(self, host: str, *_: Any) -> list[tuple[Any, ...]]:
        self.asked.append(host)
        if host.startswith("hang"):
            self.may_answer.wait()
        if host == "unknown":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 80))]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    server = NameServer()
    monkeypatch.setattr(socket, "getaddrinfo", server.look_up)
    yield server
    server.may_answer.set()


async def look_up(host: str) -> list[tuple[Any, ...]]:
    return await asyncio.get_running_loop().getaddrinfo(host, 80)


def test_other_work_and_other_names_go_on_and_the_program_ends_while_names_hang(names: NameServer) -> None:
    async def work() -> str:
        hanging = [asyncio.create_task(look_up(f"hang-{number}")) for number in range(MANY)]
        async with asyncio.timeout(LIMIT):
            assert (await look_up("found"))[0][4] == ("192.0.2.1", 80)
            with pytest.raises(socket.gaierror):
                await look_up("unknown")
            for each in hanging:
                each.cancel()
            return await asyncio.to_thread(str, "done")

    assert run_loop(work()) == "done"


def test_whoever_asks_for_a_name_that_is_being_looked_up_waits_for_the_same_answer(names: NameServer) -> None:
    async def work() -> None:
        first, second = asyncio.create_task(look_up("hang")), asyncio.create_task(look_up("hang"))
        async with asyncio.timeout(LIMIT):
            while not names.asked:
                await asyncio.sleep(0)
            first.cancel()
            names.may_answer.set()
            assert (await second)[0][4] == ("192.0.2.1", 80)
            await look_up("hang")

    run_loop(work())
    assert names.asked == ["hang", "hang"]


def test_lookups_without_end_have_a_limit(names: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup_loop, "MAX_LOOKUPS", 2)

    async def work() -> None:
        hanging = [asyncio.create_task(look_up(f"hang-{number}")) for number in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(socket.gaierror, match="Too many names"):
            await look_up("found")
        for each in hanging:
            each.cancel()

    run_loop(work())


def test_a_name_can_be_looked_up_again_after_there_was_no_thread_for_it(
    names: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def work() -> None:
        with monkeypatch.context() as patched, pytest.raises(RuntimeError):
            patched.setattr(threading.Thread, "start", refuse)
            await look_up("found")
        async with asyncio.timeout(LIMIT):
            assert await look_up("found")

    run_loop(work())
