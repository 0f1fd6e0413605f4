"""Marks all tests of this folder as ``real``, and gives them the real weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.own_weights import OwnWeights, choose_weights
from config.settings import Settings, Weights


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    folder = Path(__file__).parent
    here = {path for path in {item.path for item in items} if folder in path.parents}
    for item in items:
        if item.path in here:
            item.add_marker("real")


@pytest.fixture(scope="session")
def weights() -> OwnWeights:
    """All real weights. ``python -m bot models fetch`` downloads them."""
    return choose_weights(Settings.read(_env_file=None, weights=Weights.REAL))
