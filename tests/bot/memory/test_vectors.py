"""Facts are found by meaning, where a server for embeddings is set and answers in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from bot.embeddings import EmbeddingsClient
from bot.memory.vectors import FactVectors, quantised
from bot.question_vectors import QuestionVectors, opened_questions
from config.engine_sections import EmbeddingsSettings
from tests.bot.embeddings_server import EmbeddingsServer
from tests.bot.memory.brain import ADA, AWAY, BEN, CLEO, HOME, Brain, brain
from tests.timing import LIMIT

CAR = "Which car has she got?"


class Scene:
    """A memory with vectors, and the server that makes them."""

    def __init__(self, mind: Brain, embeddings: EmbeddingsServer, questions: QuestionVectors) -> None:
        self.mind = mind
        self.embeddings = embeddings
        self.questions = questions

    @property
    def vectors(self) -> FactVectors:
        assert self.mind.memory.vectors is not None
        return self.mind.memory.vectors

    async def make_vectors(self) -> None:
        while await self.vectors.make_some():
            pass

    async def recalled(self, asker: int, words: str, server: int = HOME) -> str:
        """What is recalled once the question's vector is there."""
        await self.questions.of(words, LIMIT)
        return await self.mind.recalled(asker, words, server)

    async def stored(self) -> list[str]:
        """The models of the stored vectors."""
        return [str(model) for (model,) in await self.mind.database.rows("SELECT model FROM fact_vector")]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with EmbeddingsServer() as server, aiohttp.ClientSession() as session:
        options = EmbeddingsSettings(url=server.url, model="multilingual-e5-small")
        async with opened_questions(session, options) as questions:
            assert questions is not None
            async with brain(tmp_path, questions=questions) as mind:
                yield Scene(mind, server, questions)


async def test_a_question_in_other_words_finds_a_fact_for_those_who_may_know_it(scene: Scene) -> None:
    await scene.mind.learn("drives a red automobile", "I drive a red automobile.", heard=[BEN])
    await scene.mind.learn("is a physician", "I am a physician.", heard=[BEN])
    await scene.mind.learn("drinks tea", "I drink tea.", heard=[BEN])
    assert await scene.recalled(BEN, CAR) == ""
    await scene.make_vectors()
    assert "passage: Ada: drives a red automobile" in scene.embeddings.asked
    assert "automobile" in (told := await scene.recalled(BEN, CAR)) and "tea" not in told
    assert await scene.recalled(CLEO, CAR) == await scene.recalled(BEN, CAR, AWAY) == ""
    assert await scene.mind.recalled(BEN, CAR, listening=[BEN, CLEO]) == "", "Cleo would hear it"
    assert "automobile" in await scene.mind.recalled(BEN, CAR, listening=[BEN, ADA])


async def test_an_answer_does_not_wait_for_a_slow_server_and_uses_the_vector_of_interim_words(scene: Scene) -> None:
    await scene.mind.learn("drives an automobile", "I drive an automobile.", heard=[BEN])
    await scene.make_vectors()
    scene.embeddings.may_answer.clear()
    assert await scene.mind.recalled(BEN, "Which car has she") == ""
    scene.embeddings.may_answer.set()
    await scene.questions.of("Which car has she", LIMIT)
    scene.embeddings.may_answer.clear()
    assert "automobile" in await scene.mind.recalled(BEN, CAR)
    scene.embeddings.may_answer.set()


async def test_a_forgotten_fact_has_no_vector_even_if_it_is_forgotten_while_the_vector_is_made(scene: Scene) -> None:
    fact = await scene.mind.learn("drives an automobile", "I drive an automobile.")
    await scene.make_vectors()
    assert len(await scene.stored()) == 1
    await scene.mind.memory.forget(fact.id, ADA)
    assert await scene.stored() == []
    fact = await scene.mind.learn("is a physician", "I am a physician.")
    scene.embeddings.may_answer.clear()
    making = asyncio.create_task(scene.vectors.make_some())
    async with asyncio.timeout(LIMIT):
        while "passage: Ada: is a physician" not in scene.embeddings.asked:
            await asyncio.sleep(0)
    await scene.mind.memory.forget(fact.id, ADA)
    scene.embeddings.may_answer.set()
    await making
    assert await scene.stored() == []


async def test_a_fact_that_comes_when_all_others_have_vectors_gets_one_too(scene: Scene) -> None:
    for text in ("drives an automobile", "is a physician"):
        fact = await scene.mind.learn(text, f"{text}.")
        assert await scene.vectors.make_some()
        assert not await scene.vectors.make_some()
    assert len(await scene.stored()) == 2
    # `make_some` only looks at facts with larger ids than before, so the next fact must not get the id of this one.
    await scene.mind.memory.forget(fact.id, ADA)
    await scene.mind.learn("drinks something hot", "I drink something hot.")
    assert await scene.vectors.make_some()
    assert len(await scene.stored()) == 2


async def test_vectors_of_another_model_are_not_compared_and_are_made_anew(scene: Scene) -> None:
    await scene.mind.learn("drives an automobile", "I drive an automobile.", heard=[BEN])
    await scene.make_vectors()
    async with aiohttp.ClientSession() as session:
        options = EmbeddingsSettings(url=scene.embeddings.url, model="bge-m3")
        other = EmbeddingsClient(session, options)
        await FactVectors(scene.mind.database, other).make_some()
        assert await scene.stored() == [other.model]
    assert await scene.recalled(BEN, CAR) == ""


async def test_a_broken_server_is_logged_once_and_asked_again_later(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    await scene.mind.learn("drives an automobile", "I drive an automobile.")
    scene.embeddings.status, scene.embeddings.answer = 500, "{}"
    pauses = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            scene.embeddings.status, scene.embeddings.answer = 200, None
        if len(pauses) == 3:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await scene.vectors.run(lambda: False, sleep=sleep)
    assert caplog.text.count("New facts are found by their words alone") == 1
    assert pauses[0] == pauses[1] > pauses[2]
    assert len(await scene.stored()) == 1


async def test_no_vectors_are_made_while_a_call_is_on(scene: Scene) -> None:
    await scene.mind.learn("drives an automobile", "I drive an automobile.")

    async def sleep(_: float) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await scene.vectors.run(lambda: True, sleep=sleep)
    assert scene.embeddings.asked == []


def test_a_vector_keeps_its_direction_in_one_byte_per_dimension() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((50, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    small = np.frombuffer(b"".join(quantised(vectors)), np.int8).reshape(50, 384).astype(np.float32)
    small /= np.linalg.norm(small, axis=1, keepdims=True)
    assert (small * vectors).sum(axis=1).min() > 0.999
