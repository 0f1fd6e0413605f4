"""``LLM_MODEL`` without a model server: the bot serves the named model, or says why it can't."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.engine_warnings import llm_warning
from bot.models.catalogue import Catalogue
from bot.models.model_store import ModelStore
from bot.models.named_llm import EmbeddedLlm
from bot.own_weights import OwnWeights, RealWeightsMissingError, choose_weights
from config.settings import Settings
from tests.bot.models.local_registry import MIND, catalogue_fields


@pytest.fixture(autouse=True)
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    """The tiny catalogue instead of the project's, with another language model that was not downloaded."""
    monkeypatch.chdir(tmp_path)
    fields = catalogue_fields({"tiny-ears-1": 1, "tiny-ears-2": 1, "tiny-mind": 1})
    fields["models"]["other-mind"] = fields["models"]["tiny-mind"]
    found = Catalogue.model_validate(fields)
    monkeypatch.setattr("bot.own_weights.load_catalogue", lambda: found)
    store = ModelStore(tmp_path / "weights")
    store.folder("tiny-mind").mkdir(parents=True)
    for path, content in MIND.items():
        (store.folder("tiny-mind") / path).write_bytes(content)
    store.write_manifest("tiny-mind", found.models["tiny-mind"])
    return found


def settings(folder: Path, **chosen: Any) -> Settings:
    return Settings.read(**{"weights": "auto", "cache_dir": folder, "data_dir": folder / "data", **chosen})


def about_the_llm(weights: OwnWeights) -> list[str]:
    return [notice for notice in weights.notices if "mind" in notice or "LLM_MODEL" in notice]


def test_a_gguf_is_served_by_its_path_and_the_model_of_the_profile_is_its_fallback(tmp_path: Path) -> None:
    file = tmp_path / "my-model-3b.gguf"
    file.write_bytes(b"GGUF")
    weights = choose_weights(settings(tmp_path, llm_model=str(file)))
    assert weights.llm == EmbeddedLlm(file, "my-model-3b", unchecked=True)
    assert [llm.name for llm in weights.llms] == ["my-model-3b", "tiny-mind"]
    assert (weights.toy_llm, about_the_llm(weights)) == (False, [])


def test_a_model_of_the_catalogue_is_served_from_its_folder(tmp_path: Path) -> None:
    weights = choose_weights(settings(tmp_path, llm_model="tiny-mind"))
    assert weights.llm is not None
    assert weights.llm.path.parent == tmp_path / "weights" / "tiny-mind"
    assert about_the_llm(weights) == []


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("/no/such/model.gguf", "LLM_MODEL=/no/such/model.gguf: there is no such file."),
        (
            "other-mind",
            "LLM_MODEL=other-mind is not here yet. Get it with: .venv/bin/python -m bot models download other-mind",
        ),
        (
            "llama3.1",
            "LLM_MODEL=llama3.1 is neither a GGUF file nor a model of `python -m bot models`. "
            "If a model server has this model, set LLM_URL.",
        ),
        (
            "tiny-ears",
            "LLM_MODEL=tiny-ears is neither a GGUF file nor a model of `python -m bot models`. "
            "If a model server has this model, set LLM_URL.",
        ),
    ],
)
def test_a_model_that_can_not_be_served_is_reported_and_the_next_best_is_served(
    tmp_path: Path, asked: str, told: str
) -> None:
    weights = choose_weights(settings(tmp_path, llm_model=asked))
    assert about_the_llm(weights) == [told]
    assert weights.llm is not None
    assert weights.llm.name == "tiny-mind"


def test_with_real_weights_required_an_unusable_model_is_reported_too(tmp_path: Path) -> None:
    with pytest.raises(RealWeightsMissingError, match=r"^LLM_MODEL=other-mind is not here yet\."):
        choose_weights(settings(tmp_path, llm_model="other-mind", weights="real"))


@pytest.mark.parametrize("profile", ["local", "hybrid"])
def test_the_named_model_is_served_with_the_local_and_hybrid_profiles_too(tmp_path: Path, profile: str) -> None:
    file = tmp_path / "my-model-3b.gguf"
    file.write_bytes(b"GGUF")
    weights = choose_weights(settings(tmp_path, llm_model=str(file), profile=profile))
    assert (weights.llms, weights.toy_llm) == ((EmbeddedLlm(file, "my-model-3b", unchecked=True),), False)
    weights = choose_weights(settings(tmp_path, llm_model="tiny-mind", profile=profile))
    assert [llm.name for llm in weights.llms] == ["tiny-mind"]


def test_with_a_model_server_the_name_is_for_the_server(tmp_path: Path) -> None:
    weights = choose_weights(settings(tmp_path, llm_model="llama3.1", llm_url="http://127.0.0.1:9/v1"))
    assert (weights.llms, weights.toy_llm, about_the_llm(weights)) == ((), False, [])


async def test_a_small_model_is_announced_with_advice_for_a_larger_one() -> None:
    small = OwnWeights(llms=(EmbeddedLlm(Path("m.gguf"), "smollm2-135m"),))
    warning = await llm_warning(small)
    assert warning is not None
    assert "small one (smollm2-135m)" in warning
    assert "`LLM_URL`" in warning
    assert "`LLM_MODEL=qwen2.5-7b-q5`" in warning
    assert await llm_warning(OwnWeights(llms=(EmbeddedLlm(Path("m.gguf"), "qwen2.5-7b-q5"),))) is None
