from __future__ import annotations

from pathlib import Path

import pytest

from toys.whisper.weights import toy_whisper


@pytest.fixture(scope="session")
def toy_folder(cache_dir: Path) -> Path:
    return toy_whisper(cache_dir, lambda _share, _doing: None)
