"""Tests of a damaged GGUF of the operator at which llama.cpp ends its process: the bot goes on and says so."""

from __future__ import annotations

import logging
import shutil
from contextlib import AsyncExitStack
from pathlib import Path

import gguf
import pytest

from bot.database import Database
from bot.doctor.engines import check_model_server
from bot.doctor.speed import llm_speed
from bot.models.named_llm import EmbeddedLlm
from bot.own_engines import open_model_router
from bot.own_weights import OwnWeights, RealWeightsMissingError
from config.settings import Settings, Weights
from toys.llm.weights import toy_weights

TOLD = "llama.cpp breaks off as it reads {file}, which seems to be damaged"


@pytest.fixture
def whole(cache_dir: Path) -> Path:
    return toy_weights(cache_dir)


@pytest.fixture
def damaged(whole: Path, tmp_path: Path) -> EmbeddedLlm:
    """A GGUF with two equal tokens, which llama.cpp treats as its own bug."""
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
