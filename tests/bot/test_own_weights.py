"""Tests of the choice of weights: real ones if complete, otherwise toys, with the reason and the remedy."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from bot.doctor.weights import examine_weights
from bot.engine_warnings import EngineWarnings, engine_warnings
from bot.model_name import NO_TOOLS
from bot.models.catalogue import Catalogue, Part
from bot.models.model_store import Condition, ModelStore
from bot.models.named_llm import EmbeddedLlm
from bot.models.needs import QUICK_ENGLISH
from bot.own_weights import OwnWeights, RealWeightsMissingError, choose_weights
from bot.transcribers import make_transcriber
from config.settings import Settings
from tests.bot.models.local_registry import EARS, MIND, catalogue_fields

NAMES = {"tiny-ears": EARS, "tiny-mind": MIND, QUICK_ENGLISH: MIND}


@pytest.fixture(autouse=True)
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    """A tiny catalogue instead of the project's, and a folder without ``.env``."""
    monkeypatch.chdir(tmp_path)
    found = Catalogue.model_validate(catalogue_fields({"tiny-ears-1": 1, "tiny-ears-2": 1, "tiny-mind": 1}))
    monkeypatch.setattr("bot.own_weights.load_catalogue", lambda: found)
    return found


def settings(folder: Path, **chosen: Any) -> Settings:
    usual: dict[str, Any] = {"weights": "auto", "cache_dir": folder, "data_dir": folder / "data"}
    return Settings.read(**{**usual, **chosen})


def put(folder: Path, catalogue: Catalogue, *names: str) -> None:
    store = ModelStore(folder / "weights")
    for name in names:
        store.folder(name).mkdir(parents=True)
        for path, content in NAMES[name].items():
            (store.folder(name) / path).write_bytes(content)
        store.write_manifest(name, catalogue.models[name])


def test_complete_real_weights_are_used_without_a_notice(tmp_path: Path, catalogue: Catalogue) -> None:
    put(tmp_path, catalogue, "tiny-ears", "tiny-mind")
    weights = choose_weights(settings(tmp_path))
    assert weights.stt == tmp_path / "weights" / "tiny-ears"
    assert weights.llm is not None
    assert (weights.llm.name, weights.llm.path.read_bytes()) == ("tiny-mind", MIND["mind.gguf"])
    assert (weights.toy_stt, weights.toy_llm, weights.notices) == (False, False, ())


async def test_missing_weights_are_reported_once_and_only_they_are_replaced_by_toys(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    put(tmp_path, catalogue, "tiny-mind")
    weights = choose_weights(settings(tmp_path))
    assert weights.notices == ("Weights: tiny-ears is not here; using toys. Remedy: python -m bot models fetch",)
    assert (weights.toy_stt, weights.toy_llm) == (True, False)
    warning = await engine_warnings(weights)
    assert warning.ears is not None
    assert "My ears" in warning.ears
    assert warning.mind is None


async def test_a_small_mind_is_no_warning_in_the_log_and_the_page_says_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    small = await engine_warnings(OwnWeights(llms=(EmbeddedLlm(Path("m.gguf"), "smollm2-135m"),)))
    small.log()
    (await engine_warnings(OwnWeights(toy_llm=True, toy_stt=True))).log()
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING", "WARNING"]
    assert small.on_the_page(takes_tools=False) == small.text == caplog.messages[0]
    assert small.on_the_page(takes_tools=True) is None, "the page says nothing if the persona has a larger model"
    assert EngineWarnings().on_the_page(takes_tools=False) == NO_TOOLS


@pytest.mark.parametrize("damage", ["truncated", "changed"])
def test_damaged_weights_are_reported_in_one_line_with_the_remedy(
    tmp_path: Path, catalogue: Catalogue, damage: str
) -> None:
    put(tmp_path, catalogue, "tiny-ears", "tiny-mind")
    model = tmp_path / "weights" / "tiny-ears" / "model.bin"
    whole = model.read_bytes()
    model.write_bytes(whole[:-100] if damage == "truncated" else whole[:100] + bytes(100) + whole[200:])
    weights = choose_weights(settings(tmp_path))
    assert weights.notices == (
        "Weights: tiny-ears is damaged (SHA-256 differs); using toys. Remedy: python -m bot models repair",
    )
    assert (weights.stt, weights.toy_stt, weights.toy_llm) == (None, True, False)


def test_a_damaged_voice_is_said_to_be_replaced_by_espeak(
    tmp_path: Path, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    mind = catalogue.models["tiny-mind"]
    voice = mind.model_copy(update={"part": Part.TTS, "settings": {"TTS_ENGINE": "piper"}})
    found = catalogue.model_copy(update={"models": {**catalogue.models, "tiny-mind": voice}})
    monkeypatch.setattr("bot.own_weights.load_catalogue", lambda: found)
    put(tmp_path, found, "tiny-ears", "tiny-mind")
    (tmp_path / "weights" / "tiny-mind" / "mind.gguf").unlink()
    weights = choose_weights(settings(tmp_path))
    assert weights.notices == (
        "Weights: tiny-mind is damaged (SHA-256 differs); using espeak-ng. Remedy: python -m bot models repair",
    )


def test_missing_real_weights_are_an_error_if_they_are_required(tmp_path: Path, catalogue: Catalogue) -> None:
    with pytest.raises(RealWeightsMissingError, match="tiny-ears is not here and tiny-mind is not here"):
        choose_weights(settings(tmp_path, weights="real"))
    put(tmp_path, catalogue, "tiny-ears", "tiny-mind")
    assert choose_weights(settings(tmp_path, weights="real")).llm is not None
    (tmp_path / "weights" / "tiny-mind" / "mind.gguf").write_bytes(b"")
    with pytest.raises(RealWeightsMissingError, match=r"tiny-mind is damaged. Remedy: python -m bot models repair"):
        choose_weights(settings(tmp_path, weights="real"))


def test_toys_are_used_if_they_are_set_even_if_real_weights_are_here(tmp_path: Path, catalogue: Catalogue) -> None:
    put(tmp_path, catalogue, "tiny-ears", "tiny-mind")
    assert choose_weights(settings(tmp_path, weights="toys")) == OwnWeights(toy_stt=True, toy_llm=True)


@pytest.mark.parametrize(
    ("chosen", "toy_stt", "toy_llm"),
    [
        ({"llm_url": "http://there/v1"}, True, False),
        ({"stt_url": "http://there/v1"}, False, True),
        ({"stt_model": "/srv/whisper"}, False, True),
        ({"profile": "local"}, False, False),
    ],
)
def test_a_part_that_a_setting_names_has_no_own_weights(
    tmp_path: Path, chosen: dict[str, str], toy_stt: bool, toy_llm: bool
) -> None:
    weights = choose_weights(settings(tmp_path, **chosen))
    assert (weights.toy_stt, weights.toy_llm) == (toy_stt, toy_llm)
    assert (weights.stt, weights.llm) == (None, None)


async def test_real_transcribers_compute_in_integers_on_the_processor(tmp_path: Path, catalogue: Catalogue) -> None:
    put(tmp_path, catalogue, "tiny-ears")
    chosen = settings(tmp_path, stt_language="de")
    transcriber = await make_transcriber(chosen, choose_weights(chosen), None, lambda *_: None)  # type: ignore[arg-type]
    await transcriber.close()
    assert transcriber.describe() == "faster-whisper tiny-ears"


async def test_the_doctor_names_all_weights_and_reads_every_byte(tmp_path: Path, catalogue: Catalogue) -> None:
    put(tmp_path, catalogue, "tiny-ears", "tiny-mind")
    result, _ = await examine_weights(settings(tmp_path))
    assert result.good is True
    assert "tiny-ears is here, and its checksums are right" in result.text
    (tmp_path / "weights" / "tiny-mind" / "mind.gguf").write_bytes(bytes(len(MIND["mind.gguf"])))
    result, weights = await examine_weights(settings(tmp_path))
    assert (result.good, weights.toy_llm) == (False, True)
    assert result.text.startswith("tiny-mind is damaged"), "the doctor shows the subject, Weights, before this text"
    result, weights = await examine_weights(settings(tmp_path, weights="real"))
    assert (result.good, weights.toy_llm) == (False, True)
    result, _ = await examine_weights(settings(tmp_path, weights="toys"))
    assert result.good is None


@pytest.fixture
def with_english(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    """A catalogue with the quick model for English. Its file is that of the mind."""
    mind = catalogue.models["tiny-mind"]
    english = mind.model_copy(update={"part": Part.STT, "settings": {"STT_ENGLISH_MODEL": "auto"}})
    found = catalogue.model_copy(update={"models": {**catalogue.models, QUICK_ENGLISH: english}})
    monkeypatch.setattr("bot.own_weights.load_catalogue", lambda: found)
    return found


def test_the_quick_model_for_english_is_named_if_it_is_here_and_is_no_loss_if_it_is_not(
    tmp_path: Path, with_english: Catalogue
) -> None:
    put(tmp_path, with_english, "tiny-ears", "tiny-mind")
    without = choose_weights(settings(tmp_path, weights="real"))
    assert (without.notices, QUICK_ENGLISH in without.conditions) == ((), False)
    put(tmp_path, with_english, QUICK_ENGLISH)
    weights = choose_weights(settings(tmp_path, weights="real"))
    assert (weights.notices, weights.conditions[QUICK_ENGLISH]) == ((), Condition.COMPLETE)
    assert (weights.stt, weights.speech_detector) == (without.stt, without.speech_detector)


def test_a_damaged_model_for_english_is_reported_and_whisper_hears_english(
    tmp_path: Path, with_english: Catalogue
) -> None:
    put(tmp_path, with_english, "tiny-ears", "tiny-mind", QUICK_ENGLISH)
    file = tmp_path / "weights" / QUICK_ENGLISH / "mind.gguf"
    file.write_bytes(bytes(100) + file.read_bytes()[100:])
    weights = choose_weights(settings(tmp_path, weights="real"))
    assert weights.notices == (
        "Weights: moonshine-base is damaged (SHA-256 differs); using Whisper for English too. "
        "Remedy: python -m bot models repair",
    )
    assert weights.stt is not None
