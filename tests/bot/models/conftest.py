"""The fixture of the tests that download models: a registry on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bot.models.local_registry import LocalRegistry


@pytest.fixture
def registry(tmp_path: Path) -> LocalRegistry:
    return LocalRegistry(tmp_path)
