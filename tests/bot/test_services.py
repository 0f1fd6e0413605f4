"""How the bot starts a speech server of its own."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.services import (
    ServiceError,
    SpeechServerOptions,
    SpeechServerProcess,
    speech_server_options,
    try_speech_server,
)
from config.settings import load_settings

# Ends some time after its output did, as a process with threads and libraries to tear down does.
_SERVER = """
import json, os, sys, time

host, _, port = os.environ["TTS_BIND"].rpartition(":")
if port != "0" or os.environ.get("BROKEN"):
    os.close(1)
    time.sleep(0.3)
    os._exit(2)
print(json.dumps({"listening": "ws://127.0.0.1:4711/ws/stream"}), flush=True)
sys.stdin.read()
time.sleep(600)
"""


@pytest.fixture
def slow_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The folder of a speech server that finds every port but 0 taken."""
    package = tmp_path / "tts_server"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(_SERVER)
    # `python -m` looks in the working folder first.
    monkeypatch.chdir(tmp_path)
    return str(tmp_path)


@pytest.fixture
def taken() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


async def test_a_server_that_finds_its_port_taken_may_take_its_time_to_end(slow_to_end: str, taken: str) -> None:
    server = SpeechServerProcess(SpeechServerOptions(taken, {"PYTHONPATH": slow_to_end}))
    await server.start()
    try:
        assert server.url == "ws://127.0.0.1:4711/ws/stream"
    finally:
        await server.stop()


async def test_settings_that_can_not_be_used_are_not_taken_for_a_port(slow_to_end: str) -> None:
    server = SpeechServerProcess(SpeechServerOptions("127.0.0.1:0", {"PYTHONPATH": slow_to_end, "BROKEN": "yes"}))
    with pytest.raises(ServiceError, match="exit status 2"):
        await server.start()


async def test_the_real_server_takes_a_free_port_where_its_own_is_taken(taken: str) -> None:
    server = SpeechServerProcess(SpeechServerOptions(taken, {"TTS_ENGINE": "stand-in"}))
    await server.start()
    try:
        assert server.url.startswith("ws://127.0.0.1:")
        assert taken not in server.url
    finally:
        await server.stop()


async def test_the_bots_own_server_is_given_the_pronunciations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "said.yaml"
    file.write_text("no: nope\n")
    monkeypatch.setenv("TTS_CORRECTIONS", str(file))
    settings = load_settings()
    can_speak, said = await try_speech_server(speech_server_options(settings))
    assert not can_speak
    assert said.startswith(f"TTS_CORRECTIONS: {file}, line 1: ")


def test_the_speech_servers_folders_are_in_data_dir_unless_the_settings_say_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(data_dir=tmp_path / "store")
    (tmp_path / ".env").write_text("TTS_VOICES_DIR=\nXTTS_MODEL=\n")
    given = speech_server_options(settings).environment
    assert given["TTS_VOICES_DIR"] == str(tmp_path / "store" / "voices")
    assert given["XTTS_MODEL"] == str(tmp_path / "store" / "models" / "xtts-v2")
    (tmp_path / ".env").write_text("TTS_VOICES_DIR=/srv/voices\nXTTS_MODEL=/srv/xtts\n")
    given = speech_server_options(settings).environment
    assert not {"TTS_VOICES_DIR", "XTTS_MODEL"} & set(given)
