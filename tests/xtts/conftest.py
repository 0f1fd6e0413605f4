"""A tiny checkpoint, and engines that speak with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.random_xtts import TINY, make_random_xtts
from config.speech_settings import Precision
from config.types import Device
from tests.xtts.speaking import Shelf
from tts_server.engines.xtts.engine import XttsEngine

TOKENS = 12
MakeEngine = Callable[..., XttsEngine]


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with weights that speak every text for about half a second."""
    folder = tmp_path_factory.mktemp("xtts")
    make_random_xtts(folder, TINY, TOKENS)
    return folder


@pytest.fixture
def make_engine(tmp_path: Path) -> Iterator[MakeEngine]:
    """Makes engines, on the processor, that are closed in the end."""
    made: list[XttsEngine] = []

    def make(
        folder: Path, shelf: Shelf | None = None, precision: Precision = Precision.AUTO, voice: str | None = None
    ) -> XttsEngine:
        engine = XttsEngine(folder, shelf or Shelf(), Device.CPU, precision, False, tmp_path / "cache", voice)
        made.append(engine)
        return engine

    yield make
    for engine in made:
        engine.close()


@pytest.fixture(scope="session")
def engine(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[XttsEngine]:
    """One that is loaded, and that no test unloads."""
    cache = tmp_path_factory.mktemp("cache")
    engine = XttsEngine(weights, Shelf(), Device.CPU, Precision.AUTO, False, cache)
    engine.load(lambda progress: None)
    yield engine
    engine.close()
