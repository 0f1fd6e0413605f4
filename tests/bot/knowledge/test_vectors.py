"""Passages are found by meaning, if a server for embeddings is there in time; otherwise by their words alone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from pydantic import SecretStr

from bot.embeddings import EmbeddingsClient, EmbeddingsError
from bot.knowledge.following import update
from bot.knowledge.index import FILE, Index
from bot.knowledge.knowledge import find
from bot.knowledge.vector_stores import ChromaStore, IndexStore
from bot.knowledge.vectors import PassageVectors
from bot.llm.messages import estimated_tokens
from bot.question_vectors import QuestionVectors
from config import hosts
from config.engine_sections import EmbeddingsSettings
from tests.bot.embeddings_server import EmbeddingsServer
from tests.meters import NotingMeter

LONG = 100.0
FILES = {
    "garage.md": "# Garage\n\nThe automobile is red.",
    "health.md": "# Health\n\nThe physician comes at noon.",
    "tea.md": "# Tea\n\nTea is hot.",
}


class Scene:
    """An index of files with the vectors of its passages, and the server that makes vectors."""

    def __init__(self, server: EmbeddingsServer, index: Index, folder: Path, vectors: PassageVectors) -> None:
        self.server = server
        self.index = index
        self.folder = folder
        self.vectors = vectors

    async def found(self, question: str, seconds: float = LONG) -> list[str]:
        passages = await find(self.index, self.vectors, question, limit=1, seconds=seconds, fitting=True)
        return [each.source for each in passages]


@pytest.fixture
async def client() -> AsyncIterator[tuple[EmbeddingsServer, EmbeddingsClient]]:
    async with EmbeddingsServer() as server, aiohttp.ClientSession() as session:
        options = EmbeddingsSettings(url=server.url, model="multilingual-e5-small", api_key=SecretStr("k3y"))
        yield server, EmbeddingsClient(session, options)


@pytest.fixture
def chroma() -> bool:
    """Whether the vectors are in ChromaDB. ``test_chroma.py`` has the same tests with it."""
    return False


@pytest.fixture
async def scene(
    chroma: bool, tmp_path: Path, client: tuple[EmbeddingsServer, EmbeddingsClient]
) -> AsyncIterator[Scene]:
    folder = tmp_path / "knowledge"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    with Index(tmp_path / FILE) as index:
        store = ChromaStore(tmp_path / "chroma", index.identity) if chroma else IndexStore(index)
        questions = QuestionVectors(client[1])
        vectors = PassageVectors(questions, lambda: store)
        await update(index, folder)
        await vectors.follow(index)
        yield Scene(client[0], index, folder, vectors)
        await questions.close()


async def test_passages_are_found_by_meaning_and_follow_the_files(scene: Scene) -> None:
    assert sorted(scene.server.asked)[0] == "passage: Garage\nThe automobile is red."
    assert await scene.found("What colour has the car?") == ["garage.md"]
    assert scene.server.asked[-1] == "query: What colour has the car?"
    assert await scene.found("Wann kommt der Arzt?") == ["health.md"]
    assert scene.server.headers["Authorization"] == "Bearer k3y"
    assert scene.server.fields["model"] == "multilingual-e5-small"
    # What has not changed is not embedded again, and what is gone is not found.
    (scene.folder / "garage.md").unlink()
    await update(scene.index, scene.folder)
    before = len(scene.server.asked)
    await scene.vectors.follow(scene.index)
    assert len(scene.server.asked) == before
    assert await scene.found("What colour has the car?") != ["garage.md"]


async def test_a_server_that_is_late_or_gone_costs_no_answer(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    # The words of an interim transcript are searched for first. Their vector is then used for the whole question.
    assert await scene.found("What colour has the car") == ["garage.md"]
    scene.server.may_answer.clear()
    assert await scene.found("What colour has the car, I wonder?", seconds=0.0) == ["garage.md"]
    assert await scene.found("Wann kommt der Arzt denn?", seconds=0.0) == []
    assert await scene.found("Is the physician here?", seconds=0.0) == ["health.md"], "found by its words"
    scene.server.answer, scene.server.status = "{}", 500
    scene.server.may_answer.set()
    with caplog.at_level(logging.WARNING):
        assert await scene.found("the physician") == ["health.md"]
        assert await scene.found("a physician") == ["health.md"]
    assert len([line for line in caplog.messages if "answers with status 500" in line]) == 1


async def test_a_redirect_is_refused_in_words() -> None:
    async with EmbeddingsServer() as server, aiohttp.ClientSession() as session:
        server.answer, server.status = "{}", 307
        with pytest.raises(EmbeddingsError, match="redirects us elsewhere"):
            await EmbeddingsClient(session, EmbeddingsSettings(url=server.url)).question("Hello?")


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "[]",
        '{"data": 1}',
        '{"data": []}',
        '{"data": [{"embedding": []}]}',
        '{"data": [{"embedding": [0, 0]}]}',
        '{"data": [{"embedding": [1, NaN]}]}',
        '{"data": [{"embedding": [1, 1e400]}]}',
        '{"data": [{"embedding": "AAAA"}]}',
        '{"data": [{"embedding": [[1], [2]]}]}',
        '{"data": [{"index": 7, "embedding": [1, 2]}]}',
        '{"data": [{"index": {}, "embedding": [1, 2]}]}',
        "[" * 100_000,
        '{"data": [{"embedding": [' + "1," * 9_000 + "1]}]}",
    ],
)
async def test_an_answer_of_another_form_is_an_error(
    client: tuple[EmbeddingsServer, EmbeddingsClient], answer: str
) -> None:
    server, asking = client
    server.answer = answer
    with pytest.raises(EmbeddingsError):
        await asking.question("x")


async def test_an_answer_that_is_too_long_or_does_not_come_is_given_up(
    client: tuple[EmbeddingsServer, EmbeddingsClient],
) -> None:
    server, asking = client
    server.answer = " " * (33 * 1024 * 1024)
    with pytest.raises(EmbeddingsError, match="too much"):
        await asking.question("x", LONG)
    server.may_answer.clear()
    with pytest.raises(EmbeddingsError, match="does not answer"):
        await asking.question("x", 0.05)
    await asyncio.sleep(0)


@pytest.mark.parametrize("paid", [True, False])
async def test_the_tokens_of_embeddings_count_and_no_paid_server_is_asked_at_todays_limit(
    paid: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "is_local", lambda url: not paid)
    meter = NotingMeter()
    async with EmbeddingsServer() as server, aiohttp.ClientSession() as session:
        options = EmbeddingsSettings(url=server.url, api_key=SecretStr("k3y"))
        client = EmbeddingsClient(session, options, meter)
        reports = ({"prompt_tokens": 9, "total_tokens": 9}, None, {"prompt_tokens": 100_000_000})
        for server.usage in reports:
            await client.passages(["The automobile is red.", "I was at the doctor's."])
        estimated = sum(map(estimated_tokens, server.asked[:2]))
        assert [each[2:] for each in meter.asked] == [(tokens, 0, paid) for tokens in (9, estimated, estimated)]
        assert {each[1] for each in meter.asked} == {server.url.split("/")[2]}
        meter.used = 1.0
        if paid:
            with pytest.raises(EmbeddingsError, match="it costs money, and today's limit"):
                await client.question("Who is here?")
        else:
            await client.question("Who is here?")
        assert len(meter.asked) == len(reports) + (not paid)
