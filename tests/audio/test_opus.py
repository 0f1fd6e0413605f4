"""Tests of finding libopus: no system package is needed, and the error for a missing one names a remedy."""

from __future__ import annotations

import ctypes.util
import importlib.util
from pathlib import Path

import discord
import pytest

from audio.opus import OpusMissing, load_opus


@pytest.fixture
def unloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discord.opus, "_lib", None)


@pytest.mark.usefixtures("unloaded")
def test_the_libopus_of_pyav_is_found_if_the_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes.util, "find_library", lambda _: None)
    load_opus()
    assert discord.opus.Encoder().encode(bytes(3840), 960)


@pytest.mark.usefixtures("unloaded")
def test_a_library_that_is_not_opus_is_skipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "libopus.so"
    broken.write_bytes(b"rubbish")
    monkeypatch.setattr(ctypes.util, "find_library", lambda _: str(broken))
    load_opus()
    assert discord.opus.is_loaded()


@pytest.mark.usefixtures("unloaded")
def test_the_error_for_a_missing_libopus_names_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes.util, "find_library", lambda _: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(OpusMissing, match="apt install libopus0"):
        load_opus()
