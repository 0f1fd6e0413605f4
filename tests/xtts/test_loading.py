"""Loading: it reports its progress and damaged files, and unloading frees the memory."""

from __future__ import annotations

import gc
import logging
import pickle
import shutil
import weakref
from pathlib import Path

import pytest

from tests.xtts.conftest import MakeEngine
from tests.xtts.speaking import hear, skip_without_libraries
from tests.xtts.trap import Trap
from tts_server.engines.base import EngineError, OutOfMemoryError
from tts_server.engines.memory_use import measure_memory
from tts_server.engines.xtts.libraries import import_loading

skip_without_libraries()

WEIGHTS_BYTES = 90e6


def ignore(progress: float) -> None:
    pass


@pytest.fixture
def folder(weights: Path, tmp_path: Path) -> Path:
    """A copy of the checkpoint that the test may damage."""
    return shutil.copytree(weights, tmp_path / "weights")


def tensors() -> int:
    import torch

    gc.collect()
    return sum(issubclass(type(thing), torch.nn.Parameter) for thing in gc.get_objects())


def test_loading_reports_its_progress(weights: Path, make_engine: MakeEngine) -> None:
    engine = make_engine(weights)
    seen: list[float] = []
    engine.load(seen.append)
    assert engine.loaded
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)
    assert len(set(seen)) >= 5


def test_loading_again_does_nothing(weights: Path, make_engine: MakeEngine) -> None:
    engine = make_engine(weights)
    engine.load(ignore)
    seen: list[float] = []
    engine.load(seen.append)
    assert seen == []


def test_loading_onto_the_processor_gives_a_warning(
    weights: Path, make_engine: MakeEngine, caplog: pytest.LogCaptureFixture
) -> None:
    engine = make_engine(weights)
    before = engine.advice
    with caplog.at_level(logging.WARNING):
        engine.load(ignore)
    after = engine.advice
    assert before is None
    assert after is not None
    assert "three times more slowly" in after
    assert after in caplog.text


def test_unloading_frees_the_memory_and_the_model_can_be_loaded_again(
    weights: Path, make_engine: MakeEngine, caplog: pytest.LogCaptureFixture
) -> None:
    engine = make_engine(weights)
    before = tensors()
    engine.load(ignore)
    hear(engine)
    model = weakref.ref(engine._model)
    full = measure_memory().ram
    with caplog.at_level(logging.INFO):
        engine.unload()
    assert model() is None
    assert tensors() == before
    assert full - measure_memory().ram > 0.7 * WEIGHTS_BYTES
    assert "is unloaded: memory" in caplog.text
    engine.unload()
    engine.load(ignore)
    assert hear(engine).size


def test_repeated_loading_and_unloading_takes_no_more_memory(weights: Path, make_engine: MakeEngine) -> None:
    engine = make_engine(weights)
    held = []
    for _ in range(5):
        engine.load(ignore)
        hear(engine)
        engine.unload()
        held.append(measure_memory().ram)
    assert max(held[2:]) - held[1] < 0.3 * WEIGHTS_BYTES


def test_an_unloaded_model_does_not_speak(weights: Path, make_engine: MakeEngine) -> None:
    with pytest.raises(EngineError, match="not loaded"):
        hear(make_engine(weights))


def test_truncated_weights_are_refused_and_nothing_stays_in_memory(folder: Path, make_engine: MakeEngine) -> None:
    import torch

    state = torch.load(folder / "model.pth", weights_only=True)
    del state["model"]["gpt.mel_head.weight"]
    torch.save(state, folder / "model.pth")
    engine = make_engine(folder)
    before = tensors()
    with pytest.raises(EngineError, match=r"can't be loaded.*mel_head.*download them again"):
        engine.load(ignore)
    del state
    assert not engine.loaded
    assert tensors() == before


@pytest.mark.parametrize("name", ["model.pth", "speakers_xtts.pth"])
def test_weights_that_would_run_code_are_refused(folder: Path, make_engine: MakeEngine, name: str) -> None:
    import torch

    torch.save({"model": Trap()}, folder / name, pickle_module=pickle)
    before = (folder / name).read_bytes()
    with pytest.raises(EngineError, match="can't be loaded"):
        make_engine(folder).load(ignore)
    assert (folder / name).read_bytes() == before


def test_weights_of_the_first_publication_are_loaded_and_not_changed(folder: Path, make_engine: MakeEngine) -> None:
    import_loading()
    import torch
    from TTS.tts.configs.xtts_config import XttsConfig
    from TTS.tts.models.xtts import _legacy_safe_globals

    state = torch.load(folder / "model.pth", weights_only=True)
    with _legacy_safe_globals():
        torch.save({"config": XttsConfig(), "model": state["model"]}, folder / "model.pth")
    before = (folder / "model.pth").read_bytes()
    engine = make_engine(folder)
    engine.load(ignore)
    assert hear(engine).size
    assert (folder / "model.pth").read_bytes() == before


def test_running_out_of_memory_while_loading_is_reported_and_a_later_attempt_works(
    weights: Path, make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from tts_server.engines.xtts import loading

    def full(*arguments: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nmore")

    engine = make_engine(weights)
    before = tensors()
    with monkeypatch.context() as patch:
        patch.setattr(loading, "_warm_up", full)
        with pytest.raises(
            OutOfMemoryError, match=r"out of memory: CUDA out of memory\. Tried to allocate 2\.00 GiB\.$"
        ):
            engine.load(ignore)
    assert tensors() == before
    engine.load(ignore)
    assert hear(engine).size


def test_the_built_in_voices_are_listed_after_the_first_loading(weights: Path, make_engine: MakeEngine) -> None:
    engine = make_engine(weights)
    assert list(engine.voices()) == []
    engine.load(ignore)
    engine.unload()
    assert [voice.id for voice in engine.voices()] == ["high-side", "low-side"]
    assert [voice.id for voice in make_engine(weights).voices()] == ["high-side", "low-side"]
