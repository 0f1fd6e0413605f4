"""Tests of the warnings about missing parts: they come at the start, with the command that gets the part."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from huggingface_hub import constants

from bot.missing_parts import missing_parts
from bot.own_weights import choose_weights
from config.settings import Settings, load_settings


def settings(folder: Path, **chosen: str) -> Settings:
    return load_settings(_env_file=None, data_dir=folder, cache_dir=folder / "cache", **chosen)


@pytest.fixture(autouse=True)
def _no_files_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.mark.parametrize("weights", ["auto", "toys"])
def test_the_embedded_profile_lacks_nothing(tmp_path: Path, weights: str) -> None:
    assert missing_parts(settings(tmp_path, weights=weights)) == []


def test_if_the_settings_name_a_missing_transcriber_it_is_reported_without_mention_of_toys(tmp_path: Path) -> None:
    named = settings(tmp_path, weights="auto", stt_model="base")
    (told,) = missing_parts(named)
    assert told.startswith("⚠️ Whisper base is not here. Without it I can't understand speech.")
    assert not any("toys" in notice and "whisper" in notice for notice in choose_weights(named).notices)


def test_a_missing_transcriber_and_a_missing_voice_are_reported_for_the_local_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "TTS" else object())
    told = "\n".join(missing_parts(settings(tmp_path, profile="local", llm_url="http://127.0.0.1:9/v1")))
    assert "`make xtts`" in told
    assert "models download xtts-v2`" in told
    assert "I can't understand speech" in told
    assert "models download whisper-" in told


def test_nothing_is_reported_if_servers_do_the_work(tmp_path: Path) -> None:
    servers = {"stt_url": "http://127.0.0.1:9/v1", "tts_websocket_url": "ws://127.0.0.1:9/ws/stream"}
    assert missing_parts(settings(tmp_path, profile="local", llm_url="http://127.0.0.1:9/v1", **servers)) == []
