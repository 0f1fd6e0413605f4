"""The model server that runs inside the bot: it answers, starts, stops and cleans up, and refuses broken weights."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from contextlib import aclosing
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from bot.llm.client import ModelClient
from bot.llm.embedded import EmbeddedModelServer
from bot.llm.messages import ChatMessage
from bot.llm.requests import ModelOptions
from tests.llm.answers import texts
from tests.timing import wait_until
from toys.llm.weights import TOY_MODEL_NAME

STORY = (ChatMessage("user", "Ann: tell me a story"),)


def is_open(url: str) -> bool:
    address = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((address.hostname or "", address.port or 0)) == 0


async def reply(url: str) -> str:
    async with ModelClient(ModelOptions(url)) as client:
        return "".join(await texts(client.text(STORY)))


async def test_the_server_says_which_model_it_serves(weights: Path) -> None:
    async with (
        EmbeddedModelServer(weights, name=TOY_MODEL_NAME) as server,
        ModelClient(ModelOptions(server.url)) as client,
    ):
        assert urlsplit(server.url).hostname == "127.0.0.1"
        report = await client.check()
    assert (report.problem, report.models) == (None, (TOY_MODEL_NAME,))


async def test_a_reply_comes_in_many_pieces(weights: Path) -> None:
    async with (
        EmbeddedModelServer(weights, name=TOY_MODEL_NAME) as server,
        ModelClient(ModelOptions(server.url)) as client,
    ):
        pieces = await texts(client.text(STORY))
    assert len(pieces) > 40


async def test_hanging_up_frees_the_only_slot(weights: Path) -> None:
    async with (
        EmbeddedModelServer(weights, name=TOY_MODEL_NAME, slots=1) as server,
        ModelClient(ModelOptions(server.url)) as client,
        asyncio.timeout(30),
    ):
        for _ in range(5):
            async with aclosing(client.text(STORY)) as pieces:
                assert (await anext(pieces)).text == "Once"
        assert (await reply(server.url)).endswith("again.")


async def test_all_requests_are_answered_even_if_there_are_more_than_slots(weights: Path) -> None:
    async with EmbeddedModelServer(weights, name=TOY_MODEL_NAME, slots=2) as server, asyncio.timeout(30):
        replies = await asyncio.gather(*(reply(server.url) for _ in range(6)))
    assert len(set(replies)) == 1


async def test_starting_and_stopping_leaves_no_port_thread_or_file_open(weights: Path) -> None:
    process = psutil.Process()

    async def cycle() -> None:
        server = EmbeddedModelServer(weights, name=TOY_MODEL_NAME)
        await server.start()
        url = server.url
        assert (await reply(url)).startswith("Once")
        await server.stop()
        assert not is_open(url)

    def held() -> tuple[int, int]:
        # The event loop keeps its worker threads, and makes another one if none is free.
        kept = sum(thread.name.startswith("asyncio") for thread in threading.enumerate())
        return process.num_threads() - kept, process.num_fds()

    await cycle()
    threads, files = held()
    for _ in range(6):
        await cycle()

    def no_more() -> bool:
        # The numbers may also fall, since threads and files that an earlier test has left may go meanwhile.
        threads_now, files_now = held()
        return threads_now <= threads and files_now <= files

    await wait_until(no_more)


async def test_stopping_does_not_wait_for_a_client_that_does_not_read(weights: Path) -> None:
    server = EmbeddedModelServer(weights, name=TOY_MODEL_NAME)
    await server.start()
    async with ModelClient(ModelOptions(server.url)) as client, aclosing(client.text(STORY)) as pieces:
        assert (await anext(pieces)).text == "Once"
        async with asyncio.timeout(60):
            await server.stop()


async def test_starting_and_stopping_twice_is_fine(weights: Path) -> None:
    server = EmbeddedModelServer(weights, name=TOY_MODEL_NAME)
    await server.stop()
    await server.start()
    url = server.url
    await server.start()
    assert server.url == url
    await server.stop()
    await server.stop()
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.url


async def test_missing_weights_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.gguf"):
        await EmbeddedModelServer(tmp_path / "none.gguf", name="none").start()


@pytest.fixture
def broken_weights(weights: Path, tmp_path: Path) -> Path:
    path = tmp_path / "broken.gguf"
    path.write_bytes(weights.read_bytes()[:100_000])
    return path


async def test_broken_weights_are_an_error(broken_weights: Path) -> None:
    with pytest.raises(RuntimeError):
        await EmbeddedModelServer(broken_weights, name="broken").start()


async def test_nothing_is_printed(weights: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async with EmbeddedModelServer(weights, name=TOY_MODEL_NAME) as server:
        await reply(server.url)
    printed = capfd.readouterr()
    assert printed.out + printed.err == ""


STARTS_AND_STOPS = """
import asyncio, sys
from pathlib import Path
from bot.llm.embedded import EmbeddedModelServer

async def cycle() -> None:
    async with EmbeddedModelServer(Path(sys.argv[1]), name="toy"):
        pass

for _ in range(25):
    asyncio.run(cycle())
"""


async def test_stopping_right_after_starting_does_not_hang(weights: Path) -> None:
    # In a process of its own: a stop that hangs keeps the interpreter's lock, and no time limit of ours would end it.
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", STARTS_AND_STOPS, str(weights))
    try:
        async with asyncio.timeout(60):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()


async def test_a_conversation_that_is_too_long_for_llama_cpp_is_shortened_to_its_limit(weights: Path) -> None:
    line = "hello there my friend how are you " * 20
    talk = [ChatMessage("assistant" if number % 2 else "user", line) for number in range(20)]
    question = (*talk, ChatMessage("user", "Ann: what time is it?"))
    async with (
        EmbeddedModelServer(weights, name=TOY_MODEL_NAME, context_tokens=1024) as server,
        ModelClient(ModelOptions(server.url, max_tokens=20)) as client,
    ):
        assert await texts(client.text(question))
        assert client.context_size() == 1024, "the server has named its limit when it refused the whole conversation"
    async with (
        EmbeddedModelServer(weights, name=TOY_MODEL_NAME, context_tokens=1024) as server,
        ModelClient(ModelOptions(server.url, max_tokens=20)) as client,
    ):
        assert await client.learn_context_size()
        assert client.context_size() == 1024
