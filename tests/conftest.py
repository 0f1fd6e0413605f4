"""What tests of several packages share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def cache_dir(pytestconfig: pytest.Config) -> Path:
    """Toy weights are named after what they are made of, so those of an earlier run are as good as new ones."""
    return pytestconfig.cache.mkdir("seiyuu")
