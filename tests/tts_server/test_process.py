"""``python -m tts_server`` as a process: output, exit status, signals."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from config.project import ROOT
from tests.forked import SPEECH_SERVER, Forked, Running, forks
from tests.tts_server.client import TIMEOUT, SpeechClient

NO_WEIGHTS = "/nowhere"
"""A CACHE_DIR without Piper's voice, which this machine's own CACHE_DIR may have."""


@asynccontextmanager
async def _process(*arguments: str, **environment: str) -> AsyncIterator[Forked]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TTS_")}
    process = await forks(*SPEECH_SERVER).start(
        "tts_server",
        *arguments,
        folder=ROOT,
        environment={**clean, "TTS_BIND": "127.0.0.1:0", "CACHE_DIR": NO_WEIGHTS, **environment},
        stderr=PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _ready(process: Running) -> dict[str, Any]:
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), TIMEOUT)
    ready: dict[str, Any] = json.loads(line)
    return ready


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_server_names_its_address_speaks_and_ends_on_a_signal(number: signal.Signals) -> None:
    async with _process() as process:
        ready = await _ready(process)
        assert ready["engine"] == "espeak-ng"
        async with aiohttp.ClientSession() as session, session.ws_connect(ready["listening"]) as socket_:
            client = SpeechClient(socket_)
            await client.say("Hello there, all of you.")
            assert (await client.hear()).text == "Hello there, all of you."
            process.send_signal(number)
            # The client answers the server's goodbye. The server waits for that, and its time for ending is limited.
            while not socket_.closed:
                await socket_.receive(TIMEOUT)
            output, _ = await asyncio.wait_for(process.communicate(), TIMEOUT)
        assert process.returncode == 0
        assert output == b"", "more than one line on standard output"


async def test_the_server_ends_while_it_speaks_to_a_client_that_does_not_read() -> None:
    async with _process() as process:
        ready = await _ready(process)
        async with aiohttp.ClientSession() as session, session.ws_connect(ready["listening"]) as socket_:
            for number in range(16):
                await socket_.send_json({"token": "A long story. " * 1000, "reply": f"r{number}", "flush": True})
            await socket_.receive()
            process.terminate()
            await asyncio.wait_for(process.communicate(), TIMEOUT)
    assert process.returncode == 0


async def test_a_taken_port_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with _process(TTS_BIND=f"127.0.0.1:{port}") as process:
            output, errors = await asyncio.wait_for(process.communicate(), TIMEOUT)
    assert process.returncode == 2
    assert output == b""
    assert errors.decode().count("\n") == 1
    assert f"TTS_BIND: can't listen on 127.0.0.1:{port}: another program listens there already" in errors.decode()


@pytest.mark.parametrize(
    ("environment", "named", "status"),
    [
        ({"TTS_BIND": "0.0.0.0:0"}, "TTS_TOKEN", 2),
        ({"TTS_BIND": "[::]:0"}, "TTS_TOKEN", 2),
        ({"TTS_BIND": "8765"}, "TTS_BIND", 2),
        ({"TTS_BIND": "127.0.0.1:99999"}, "TTS_BIND", 2),
        ({"TTS_DEVICE": "abacus"}, "TTS_DEVICE", 2),
        ({"TTS_ALLOWED_ORIGINS": "*"}, "TTS_TOKEN", 2),
        ({"TTS_ALLOWED_ORIGINS": "chat.example"}, "TTS_ALLOWED_ORIGINS", 2),
        ({"TTS_PRESET": "grumpy"}, "grumpy", 2),
        ({"TTS_ENGINE": "siri"}, "TTS_ENGINE: 'siri' is not valid", 2),
        ({"TTS_FALLBACK": "siri"}, "TTS_FALLBACK: 'siri' is not valid", 2),
    ],
)
async def test_unusable_settings_are_reported(environment: dict[str, str], named: str, status: int) -> None:
    async with _process(**environment) as process:
        output, errors = await asyncio.wait_for(process.communicate(), TIMEOUT)
    assert process.returncode == status
    assert output == b""
    assert named in errors.decode()
    assert errors.decode().count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--rtf", "500"), "--rtf: '500' is not valid. It must be a number from 0 to 100, for example --rtf=0.3"),
        (("--rtf", "fast"), "--rtf: 'fast' is not valid. It must be a number from 0 to 100, for example --rtf=0.3"),
        (("--first-audio-ms", "-1"), "--first-audio-ms: '-1' is not valid."),
        (("--bind", "8765"), "--bind: '8765' is not valid."),
        (("--engine", "siri"), "--engine: 'siri' is not valid."),
        (("--voice", "nobody"), "--voice: there is no voice 'nobody'"),
    ],
)
async def test_an_unusable_option_is_named_instead_of_its_setting(arguments: tuple[str, ...], told: str) -> None:
    async with _process(*arguments, TTS_STAND_IN_RTF="0.5") as process:
        output, errors = await asyncio.wait_for(process.communicate(), TIMEOUT)
    assert (process.returncode, output) == (2, b"")
    assert errors.decode().startswith(f"tts_server: {told}")
    assert "TTS_" not in errors.decode()


@pytest.mark.parametrize("arguments", [(), ("--check",)])
async def test_unusable_pronunciations_are_reported_with_their_line(arguments: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "said.yaml"
    file.write_text("SQL: sequel\nno: nope\n")
    async with _process(*arguments, TTS_CORRECTIONS=str(file)) as process:
        output, errors = await asyncio.wait_for(process.communicate(), TIMEOUT)
    assert (process.returncode, output) == (2, b"")
    assert f"TTS_CORRECTIONS: {file}, line 2: " in errors.decode()
    assert errors.decode().count("\n") == 1


async def test_words_are_pronounced_as_the_operator_wants(tmp_path: Path) -> None:
    file, timings = tmp_path / "said.yaml", tmp_path / "timings.jsonl"
    file.write_text("Nguyen: win\n")
    async with _process("--engine", "stand-in", "--timings", str(timings), TTS_CORRECTIONS=str(file)) as process:
        ready = await _ready(process)
        async with aiohttp.ClientSession() as session, session.ws_connect(ready["listening"]) as socket_:
            client = SpeechClient(socket_)
            await client.say("Hello Nguyen.")
            assert (await client.hear()).text == "Hello Nguyen.", "what is shown stays as it was written"
    assert json.loads(timings.read_text().splitlines()[-1])["text"] == "Hello win."


async def test_a_missing_voice_is_reported() -> None:
    async with _process(TTS_VOICE="nobody") as process:
        _, errors = await asyncio.wait_for(process.communicate(), TIMEOUT)
    assert process.returncode == 2
    assert "nobody" in errors.decode()


async def test_a_check_beside_a_running_server_leaves_its_uploads_alone(tmp_path: Path) -> None:
    upload = tmp_path / ".passing-abc" / "upload-0"
    upload.parent.mkdir()
    upload.write_bytes(b"a recording")
    async with _process("--check", TTS_VOICES_DIR=str(tmp_path)) as process:
        assert await asyncio.wait_for(process.wait(), TIMEOUT) == 0
    assert upload.read_bytes() == b"a recording"


async def test_the_token_is_not_shown() -> None:
    async with _process("--verbose", TTS_BIND="0.0.0.0:0", TTS_TOKEN="hunter2hunter2") as process:
        await _ready(process)
        process.terminate()
        _, errors = await asyncio.wait_for(process.communicate(), TIMEOUT)
    assert b"hunter2" not in errors


async def test_the_server_starts_with_its_fallback_if_the_service_of_its_engine_is_unreachable() -> None:
    away = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "x"}
    async with _process(TTS_ENGINE="openai", TTS_FALLBACK="espeak", **away) as process:
        ready = await _ready(process)
        async with aiohttp.ClientSession() as session, session.ws_connect(ready["listening"]) as socket_:
            client = SpeechClient(socket_)
            await client.say("Hello there.")
            assert (await client.hear()).audio
        process.terminate()
        _, errors = await asyncio.wait_for(process.communicate(), TIMEOUT)
    assert "could not speak" in errors.decode()
    assert "Traceback" not in errors.decode()


@pytest.mark.parametrize(
    "settings",
    [
        {"TTS_ENGINE": "openai", "OPENAI_API_KEY": ""},
        {"TTS_ENGINE": "espeak", "TTS_FALLBACK": "openai,espeak", "OPENAI_API_KEY": ""},
        {"TTS_ENGINE": "piper", "TTS_FALLBACK": "openai,espeak", "OPENAI_API_KEY": ""},
        {"TTS_BETTER_ENGINE": "openai", "OPENAI_API_KEY": ""},
    ],
    ids=["wanted", "stands in", "both", "better"],
)
async def test_an_engine_that_cannot_be_created_does_not_silence_the_others(settings: dict[str, str]) -> None:
    async with _process(**settings) as process:
        ready = await _ready(process)
        assert ready["speaking"] == "espeak-ng"
        async with aiohttp.ClientSession() as session, session.ws_connect(ready["listening"]) as socket_:
            client = SpeechClient(socket_)
            await client.say("Hello there.")
            assert (await client.hear()).audio
        process.terminate()
        _, errors = await asyncio.wait_for(process.communicate(), TIMEOUT)
    assert "OPENAI_API_KEY" in errors.decode()
    assert "Traceback" not in errors.decode()


async def test_the_server_does_not_start_without_any_working_engine() -> None:
    away = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "x"}
    async with _process(TTS_ENGINE="openai", TTS_FALLBACK="", **away) as process:
        _, errors = await asyncio.wait_for(process.communicate(), TIMEOUT)
    assert "Traceback" not in errors.decode()
    assert process.returncode == 1


@pytest.mark.skipif(sys.platform != "linux", reason="prctl exists only on Linux")
async def test_the_server_does_not_start_if_its_parent_has_died_meanwhile() -> None:
    async with _process("--exit-with-parent", "999999999") as process:
        output, _ = await asyncio.wait_for(process.communicate(), TIMEOUT)
    assert (process.returncode, output) == (-signal.SIGTERM, b"")


@pytest.mark.skipif(sys.platform != "linux", reason="prctl exists only on Linux")
async def test_the_server_does_not_outlive_its_parent() -> None:
    """The parent starts the server and is killed, so that it can't clean up."""
    parent = (
        "import subprocess, sys, time\n"
        "subprocess.Popen([sys.executable, '-m', 'tts_server', '--bind', '127.0.0.1:0', '--exit-with-parent'])\n"
        "time.sleep(60)\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", parent, cwd=ROOT, stdout=PIPE, stderr=DEVNULL)
    ready = await _ready(process)
    process.kill()
    assert process.stdout is not None
    # The server holds the other end of the pipe for as long as it lives.
    await asyncio.wait_for(process.stdout.read(), TIMEOUT)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.ws_connect(ready["listening"])
    await process.wait()


async def test_the_stand_in_writes_its_timings(tmp_path: Path) -> None:
    file = tmp_path / "timings.jsonl"
    async with _process(
        "--engine", "stand-in", "--first-audio-ms", "30", "--rtf", "0", "--timings", str(file)
    ) as process:
        ready = await _ready(process)
        assert ready["engine"] == "stand-in"
        async with aiohttp.ClientSession() as session, session.ws_connect(ready["listening"]) as socket_:
            client = SpeechClient(socket_)
            await client.say("Hello there, all of you.")
            heard = await client.hear()
    timing = json.loads(file.read_text().splitlines()[-2])
    assert timing["text"] == "Hello there,"
    assert heard.flushed is not None
    assert heard.flushed.first_chunk_ms is not None
    assert heard.flushed.first_chunk_ms >= 29
    assert timing["first_audio_at"] - timing["received_at"] >= 0.029
