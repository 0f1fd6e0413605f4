"""Tests of the bot's own speech server: start, watch, restart, end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bot.open_ports import is_taken
from bot.own_weights import OwnWeights
from bot.speech_server_process import (
    ServiceError,
    SpeechServerOptions,
    SpeechServerProcess,
    speech_server_options,
    try_speech_server,
)
from config.settings import load_settings

# A server that closes its output some time before it ends, as a process with many libraries does.
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
    """The folder of a speech server that finds every port taken except 0."""
    package = tmp_path / "tts_server"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(_SERVER)
    # `python -m` searches the working folder first.
    monkeypatch.chdir(tmp_path)
    return str(tmp_path)


@pytest.fixture
def stand_in(slow_to_end: str) -> Callable[[str], SpeechServerProcess]:
    """Makes a process that runs another program instead of the server."""

    def make(program: str) -> SpeechServerProcess:
        Path(slow_to_end, "tts_server", "__main__.py").write_text(program)
        return SpeechServerProcess(SpeechServerOptions("127.0.0.1:0", {"PYTHONPATH": slow_to_end}))

    return make


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


async def test_an_error_in_the_settings_is_not_taken_for_a_port_in_use(slow_to_end: str) -> None:
    server = SpeechServerProcess(SpeechServerOptions("127.0.0.1:0", {"PYTHONPATH": slow_to_end, "BROKEN": "yes"}))
    with pytest.raises(ServiceError, match="exit status 2"):
        await server.start()


async def test_a_port_that_is_taken_just_before_the_start_does_no_harm(
    slow_to_end: str, taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter([False, True])
    monkeypatch.setattr("bot.speech_server_process.is_taken", lambda _: next(looks))
    server = SpeechServerProcess(SpeechServerOptions(taken, {"PYTHONPATH": slow_to_end}))
    await server.start()
    await server.stop()
    assert server.url == "ws://127.0.0.1:4711/ws/stream"


@pytest.mark.parametrize(
    ("listens", "bind"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104
        ("::1", "[::1]"),
        ("127.0.0.1", "localhost"),
        ("::", "127.0.0.1"),
    ],
)
async def test_each_of_several_starts_finds_a_free_port_and_logs_that_once(
    slow_to_end: str, listens: str, bind: str, caplog: pytest.LogCaptureFixture
) -> None:
    family = socket.AF_INET6 if ":" in listens else socket.AF_INET
    both = listens == "::"
    with socket.create_server((listens, 0), family=family, dualstack_ipv6=both) as listening:
        address = f"{bind}:{listening.getsockname()[1]}"
        for _ in range(5):
            server = SpeechServerProcess(SpeechServerOptions(address, {"PYTHONPATH": slow_to_end}))
            await server.start()
            await server.stop()
    said = f"{address} is taken by another program, perhaps another Seiyuu; the speech server takes a free port"
    assert caplog.messages == [said] * 5


async def test_a_program_on_another_address_does_not_take_the_port() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listening:
        port = listening.getsockname()[1]
        assert is_taken(f"[::1]:{port}")
        assert not is_taken(f"127.0.0.1:{port}")
        assert not is_taken("192.0.2.1:8765")
        assert not is_taken("nonsense")


async def test_an_address_of_another_machine_does_not_count_as_taken() -> None:
    server = SpeechServerProcess(SpeechServerOptions("192.0.2.1:8765", {"TTS_TOKEN": "a-long-secret"}))
    with pytest.raises(ServiceError, match="exit status 2"):
        await server.start()


async def test_the_real_server_takes_a_free_port_if_another_seiyuu_uses_its_port(
    capfd: pytest.CaptureFixture[str],
) -> None:
    async with AsyncExitStack() as ending:
        first = SpeechServerProcess(SpeechServerOptions("127.0.0.1:0", {"TTS_ENGINE": "stand-in"}))
        ending.push_async_callback(first.stop)
        await first.start()
        taken = first.url.removeprefix("ws://").partition("/")[0]
        second = SpeechServerProcess(SpeechServerOptions(taken, {"TTS_ENGINE": "stand-in"}))
        ending.push_async_callback(second.stop)
        await second.start()
        assert second.url.startswith("ws://127.0.0.1:")
        assert second.url != first.url
    assert "can't listen" not in capfd.readouterr().err


# A server that stops itself at its first start, and works at its second.
_HANGS_ONCE = """
import json, os, pathlib, signal

first = pathlib.Path(__file__).with_name("first")
if not first.exists():
    first.touch()
    os.kill(os.getpid(), signal.SIGSTOP)
print(json.dumps({"listening": "ws://127.0.0.1:4711/ws/stream"}), flush=True)
signal.pause()
"""

# A server that answers that it is loading, but uses no CPU time, as with an engine in the cloud.
_LOADS_SLOWLY = """
import asyncio, json

async def answer(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    writer.write(b"HTTP/1.1 503 Service Unavailable\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n")
    writer.close()

async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await asyncio.sleep(6)
    print(json.dumps({"listening": f"ws://127.0.0.1:{port}/ws/stream"}), flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_a_server_that_hangs_during_its_start_is_killed_and_started_again(
    stand_in: Callable[[str], SpeechServerProcess], caplog: pytest.LogCaptureFixture
) -> None:
    server = stand_in(_HANGS_ONCE)
    async with asyncio.timeout(60):
        await server.start()
    await server.stop()
    assert caplog.messages == ["The speech server hangs as it starts. It is killed and started again."]


async def test_a_server_that_answers_while_it_loads_may_take_its_time(
    stand_in: Callable[[str], SpeechServerProcess], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.hanging.IDLE_LIMIT", 1.0)
    server = stand_in(_LOADS_SLOWLY)
    await server.start()
    await server.stop()
    assert caplog.messages == []


async def test_the_pronunciations_are_passed_to_the_own_speech_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "said.yaml"
    file.write_text("no: nope\n")
    monkeypatch.setenv("TTS_CORRECTIONS", str(file))
    settings = load_settings()
    can_speak, said = await try_speech_server(speech_server_options(settings, OwnWeights()))
    assert not can_speak
    assert said.startswith(f"TTS_CORRECTIONS: {file}, line 1: ")


def test_the_real_voice_is_used_unless_the_settings_name_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    weights = OwnWeights(voice=tmp_path / "piper-joe")

    def given(**variables: str) -> tuple[str, str | None]:
        with monkeypatch.context() as setting:
            for name, value in variables.items():
                setting.setenv(name, value)
            environment = speech_server_options(load_settings(), weights).environment
        return environment["TTS_ENGINE"], environment.get("PIPER_MODEL")

    assert given() == ("piper", str(tmp_path / "piper-joe"))
    assert given(TTS_ENGINE="espeak") == ("espeak", str(tmp_path / "piper-joe"))
    assert given(PROFILE="local", LLM_URL="http://there/v1") == ("xtts", str(tmp_path / "piper-joe"))
    assert given(PIPER_MODEL=str(tmp_path / "other.onnx")) == ("piper", None)
    assert speech_server_options(load_settings(), OwnWeights()).environment["TTS_ENGINE"] == "espeak"


def test_the_folders_of_the_speech_server_are_in_data_dir_unless_set_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(data_dir=tmp_path / "store")
    (tmp_path / ".env").write_text("TTS_VOICES_DIR=\nXTTS_MODEL=\n")
    given = speech_server_options(settings, OwnWeights()).environment
    assert given["TTS_VOICES_DIR"] == str(tmp_path / "store" / "voices")
    assert given["XTTS_MODEL"] == str(tmp_path / "store" / "models" / "xtts-v2")
    (tmp_path / ".env").write_text("TTS_VOICES_DIR=/srv/voices\nXTTS_MODEL=/srv/xtts\n")
    given = speech_server_options(settings, OwnWeights()).environment
    assert not {"TTS_VOICES_DIR", "XTTS_MODEL"} & set(given)
