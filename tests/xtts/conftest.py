"""Fixtures: a tiny XTTS checkpoint, and engines that use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.random_xtts import TINY, make_random_xtts
from config.speech_settings import Precision
from config.types import Device
from tests.tts_server.profile_list import ProfileList
from tts_server.engines.xtts.engine import XttsEngine

TOKENS = 12
MakeEngine = Callable[..., XttsEngine]


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with random weights, with which every text becomes about half a second of sound."""
    folder = tmp_path_factory.mktemp("xtts")
    make_random_xtts(folder, TINY, TOKENS)
    return folder


@pytest.fixture
def make_engine(tmp_path: Path) -> Iterator[MakeEngine]:
    """Creates engines on the CPU, and closes them after the test."""
    made: list[XttsEngine] = []

    def make(
        folder: Path,
        profiles: ProfileList | None = None,
        precision: Precision = Precision.AUTO,
        voice: str | None = None,
    ) -> XttsEngine:
        engine = XttsEngine(folder, profiles or ProfileList(), Device.CPU, precision, False, tmp_path / "cache", voice)
        made.append(engine)
        return engine

    yield make
    for engine in made:
        engine.close()


@pytest.fixture(scope="session")
def engine(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[XttsEngine]:
    """A shared, loaded engine that no test may unload."""
    cache = tmp_path_factory.mktemp("cache")
    engine = XttsEngine(weights, ProfileList(), Device.CPU, Precision.AUTO, False, cache)
    engine.load(lambda progress: None)
    yield engine
    engine.close()
