"""Fixtures: the weights of the toy model."""

from __future__ import annotations

from pathlib import Path

import pytest

from toys.llm.weights import toy_weights


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_weights(tmp_path_factory.mktemp("toy"))
