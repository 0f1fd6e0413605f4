"""Makes the toy weights that all tests share. ``make test`` runs this first: many tests then need them at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from toys.whisper.weights import toy_whisper


# The toy Whisper is trained here. Another test that had to wait for it would seem to hang.
@pytest.mark.timeout(900)
def test_the_toy_whisper_is_made_once_and_found_again(cache_dir: Path) -> None:
    made = toy_whisper(cache_dir, lambda *_: None)
    assert (made / "model.bin").is_file()
    assert toy_whisper(cache_dir, lambda *_: None) == made
