"""The language model that the bot serves: a damaged GGUF of the operator's, and the quicker copy of slow weights."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import shutil
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import gguf
import pytest

from bot.database import Database
from bot.doctor.engines import check_model_server
from bot.doctor.speed import llm_speed
from bot.llm.client import ModelClient
from bot.llm.embedded import EmbeddedModelServer
from bot.llm.messages import ChatMessage
from bot.llm.requests import ModelOptions
from bot.models.named_llm import EmbeddedLlm
from bot.own_engines import open_model_router, quickest_weights, served_llm
from bot.own_weights import OwnWeights, RealWeightsMissingError
from config.settings import Settings, Weights
from tests.bot.models.slow_weights import write_slow_weights
from tests.llm.answers import texts
from toys.llm.phrases import DEFAULT_ANSWER
from toys.llm.weights import toy_weights

BEGINNING = DEFAULT_ANSWER[:7]
TOLD = "llama.cpp breaks off as it reads {file}, which seems to be damaged"


@pytest.fixture
def whole(cache_dir: Path) -> Path:
    return toy_weights(cache_dir)


@pytest.fixture
def damaged(whole: Path, tmp_path: Path) -> EmbeddedLlm:
    """A GGUF with two equal tokens. llama.cpp takes them for a bug of its own and aborts its process."""
    file = tmp_path / "mine.gguf"
    shutil.copyfile(whole, file)
    tokens = gguf.GGUFReader(file, "r+").fields["tokenizer.ggml.tokens"]
    last, before = [place for place in tokens.data if len(tokens.parts[place]) == 3][-2:]
    tokens.parts[last][:] = tokens.parts[before]
    return EmbeddedLlm(file, "mine", unchecked=True)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.read(_env_file=None, data_dir=tmp_path, cache_dir=tmp_path, profile="embedded")


async def test_the_next_model_replaces_a_damaged_one_and_one_sentence_says_so(
    whole: Path,
    damaged: EmbeddedLlm,
    settings: Settings,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.WARNING)
    minds = (damaged, EmbeddedLlm(whole, "next"))
    async with Database.opened(tmp_path / "test.sqlite3") as database, AsyncExitStack() as stack:
        used, _ = await open_model_router(settings, OwnWeights(llms=minds), database, stack, lambda *_: None)
    assert used.llm == minds[1]
    assert [record.getMessage() for record in caplog.records] == [
        f"Weights: mine can't be loaded ({TOLD.format(file=damaged.path)}); using next. "
        f"Remedy: get {damaged.path} again, or name another model in LLM_MODEL"
    ]
    assert "".join(capfd.readouterr()) == ""


async def test_with_real_weights_required_a_damaged_model_is_an_error(
    damaged: EmbeddedLlm, settings: Settings, tmp_path: Path
) -> None:
    real = settings.changed(weights=Weights.REAL)
    async with Database.opened(tmp_path / "test.sqlite3") as database, AsyncExitStack() as stack:
        with pytest.raises(RealWeightsMissingError, match=r"^mine can't be loaded: llama\.cpp breaks off"):
            await open_model_router(real, OwnWeights(llms=(damaged,)), database, stack, lambda *_: None)


async def test_the_doctor_reports_a_damaged_model_too(
    damaged: EmbeddedLlm, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    result = await check_model_server(settings, OwnWeights(llms=(damaged,)))
    assert result.good is False
    assert TOLD.format(file=damaged.path) in result.text
    assert "".join(capfd.readouterr()) == ""


@pytest.fixture
def cut(whole: Path, tmp_path: Path) -> Path:
    file = tmp_path / "cut.gguf"
    file.write_bytes(whole.read_bytes()[:100_000])
    return file


async def test_a_truncated_file_is_refused_and_a_complete_one_is_served(whole: Path, cut: Path) -> None:
    with pytest.raises(RuntimeError):
        await llm_speed(EmbeddedLlm(cut, "cut", unchecked=True))
    assert "tokens a second: " in await llm_speed(EmbeddedLlm(whole, "whole", unchecked=True))


@pytest.fixture
def slow(whole: Path, tmp_path: Path) -> EmbeddedLlm:
    """A small model in Q4_1, as it is after its download: without a quicker copy."""
    folder = tmp_path / "tiny-mind"
    folder.mkdir()
    file = write_slow_weights(whole, folder / "mind.gguf")
    return EmbeddedLlm(file, "tiny-mind", sha256=hashlib.sha256(file.read_bytes()).hexdigest())


async def answer_of(llm: EmbeddedLlm) -> str:
    """The answer of the model. The toy has only four bits a weight here, so all its answers begin alike."""
    async with served_llm(llm) as server, ModelClient(ModelOptions(server.url, temperature=0)) as client:
        return "".join(await texts(client.text([ChatMessage("user", "Are you there?")])))


async def test_the_quicker_copy_is_served_and_answers(
    slow: EmbeddedLlm, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[Path] = []

    class Watched(EmbeddedModelServer):
        def __init__(self, weights: Path, **options: Any) -> None:
            loaded.append(weights)
            super().__init__(weights, **options)

    monkeypatch.setattr("bot.own_engines.EmbeddedModelServer", Watched)
    assert (await answer_of(slow)).startswith(BEGINNING)
    assert loaded == [await quickest_weights(slow)]
    assert loaded != [slow.path]
    assert caplog.messages == []


async def test_the_making_of_the_copy_is_shown_as_a_preparation(slow: EmbeddedLlm) -> None:
    told: list[tuple[str, float]] = []
    await quickest_weights(slow, lambda what, done: told.append((what, done)))
    assert (told[0], told[-1]) == (("Quicker copy of tiny-mind", 0.0), ("Quicker copy of tiny-mind", 1.0))
    told.clear()
    await quickest_weights(slow, lambda what, done: told.append((what, done)))
    assert told == []


async def test_a_folder_that_takes_no_copy_costs_nothing_but_a_sentence(
    slow: EmbeddedLlm, caplog: pytest.LogCaptureFixture
) -> None:
    # Nobody can open a folder as a file, not even root.
    (slow.path.parent / ".quick.lock").mkdir()
    assert (await answer_of(slow)).startswith(BEGINNING)
    (told,) = caplog.messages
    assert told.startswith("Weights: the quicker copy of tiny-mind can't be made (")
    assert told.endswith("), so tiny-mind is used as it was fetched.")


async def test_a_copy_that_llama_cpp_refuses_costs_nothing_but_a_sentence(
    slow: EmbeddedLlm, cut: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.own_engines.quick_weights", lambda *_: cut)
    assert (await answer_of(slow)).startswith(BEGINNING)
    (told,) = caplog.messages
    assert told.startswith("Weights: the quicker copy of tiny-mind can't be loaded (")


async def test_a_start_that_is_broken_off_stops_the_making_of_the_copy(
    slow: EmbeddedLlm, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, cancelled, stopped = threading.Event(), threading.Event(), threading.Event()

    def make(_weights: Path, _sha256: str, begin: Callable[[int], Callable[[int], None]]) -> Path:
        advance = begin(100)
        begun.set()
        assert cancelled.wait(60)
        try:
            advance(1)
        finally:
            stopped.set()
        raise AssertionError("the copy goes on")

    monkeypatch.setattr("bot.own_engines.quick_weights", make)
    preparing = asyncio.create_task(quickest_weights(slow))
    assert await asyncio.to_thread(begun.wait, 60)
    preparing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await preparing
    cancelled.set()
    assert await asyncio.to_thread(stopped.wait, 60)


async def test_a_model_of_the_operators_own_is_served_as_it_is(slow: EmbeddedLlm) -> None:
    own = EmbeddedLlm(slow.path, "mine", unchecked=True)
    assert await quickest_weights(own) == own.path
    assert [path.name for path in own.path.parent.iterdir()] == [own.path.name]
