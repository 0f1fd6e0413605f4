"""Tests of ``python -m bot health`` and the checks behind it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import huggingface_hub
import pytest
from aiohttp import web

from bot.engine_checks import CHECK_EVERY, EngineCheck, EngineChecks, check_speech_server, check_transcriber
from bot.health import READY, SILENT_LIMIT, Health, read_health, run_health
from bot.heartbeat import FILE, beat
from bot.own_weights import OwnWeights
from bot.speech_server.address import ServerAddress
from bot.speech_server.client import SpeechServerClient
from bot.transcribers import make_transcriber
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.transcriber import TranscriptionError
from bot.voice.transcribe.whisper import WhisperOptions, WhisperTranscriber
from config.project import ROOT
from config.settings import Settings
from tests.http_server import LocalServer, app_of

KEYS = ["status", "discord", "model", "ears", "voice", "call"]
WELL = Health("connected", "ready", "ready", "ready", "active")


def asked(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    """The result of the command in an empty folder, with these settings only."""
    done = subprocess.run(
        [sys.executable, "-m", "bot", "health", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout or done.stderr


def fields(said: str) -> dict[str, Any]:
    assert said.count("\n") == 1
    found: dict[str, Any] = json.loads(said)
    return found


@pytest.mark.parametrize(
    ("health", "status"),
    [
        (WELL, "healthy"),
        (Health("connecting", "ready", "ready", "ready"), "degraded"),
        (Health("connected", "The model server at a can't be reached.", "ready", "ready"), "degraded"),
        (Health("connected", "ready", "ready", "no speech server answers"), "degraded"),
        (Health(), "degraded"),
        (Health(running=False), "down"),
    ],
)
def test_the_status_follows_from_the_states_of_the_parts(health: Health, status: str) -> None:
    assert health.status == status
    assert list(health.fields()) == KEYS


def test_without_a_running_bot_the_health_is_down_and_no_token_is_needed(tmp_path: Path) -> None:
    status, said = asked(tmp_path, "--json")
    assert status == 1
    assert list(fields(said)) == KEYS
    assert fields(said)["status"] == "down"


def test_a_program_gets_json_even_without_the_option(tmp_path: Path) -> None:
    status, said = asked(tmp_path)
    assert (status, list(fields(said))) == (1, KEYS)


def test_a_person_gets_the_health_in_words(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("DATA_DIR", "/nowhere")
    assert run_health([]) == 1
    assert "no bot is running" in capsys.readouterr().out


async def test_a_running_bot_reports_its_health_and_is_down_as_soon_as_it_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "data" / FILE
    file.parent.mkdir()
    beating = asyncio.create_task(beat(file, 0.01, WELL.fields))
    async with asyncio.timeout(30):
        while read_health(file.parent) != WELL:
            await asyncio.sleep(0.01)
    status, said = await asyncio.to_thread(asked, tmp_path, "--json")
    assert (status, fields(said)) == (0, dict(WELL.fields()))
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)
    status, said = await asyncio.to_thread(asked, tmp_path, "--json")
    assert (status, fields(said)["status"]) == (1, "down")


async def test_a_bot_that_does_not_react_is_down(tmp_path: Path) -> None:
    file = tmp_path / FILE
    beating = asyncio.create_task(beat(file, 3600, WELL.fields))
    async with asyncio.timeout(30):
        while read_health(tmp_path) != WELL:
            await asyncio.sleep(0.01)
    long_ago = time.time() - SILENT_LIMIT - 1
    os.utime(file, (long_ago, long_ago))
    assert read_health(tmp_path).status == "down"
    beating.cancel()


def test_a_wrong_setting_is_status_2(tmp_path: Path) -> None:
    status, said = asked(tmp_path, LLM_TEMPERATURE="hot")
    assert status == 2
    assert said.startswith("LLM_TEMPERATURE")


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"discord": 5}', "null", "\xff"])
def test_a_damaged_heartbeat_file_counts_as_down(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, encoding="latin-1")
    assert read_health(tmp_path).status == "down"


async def test_the_engines_are_checked_repeatedly(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "bot.engine_checks")
    answers = iter(["The model server at a can't be reached.", "ready"])
    seen = asyncio.Event()

    async def model() -> str:
        answer = next(answers, None)
        if answer is None:
            seen.set()
            await asyncio.Event().wait()
        return answer or ""

    async def well() -> str:
        return "ready"

    looks = {"ears": EngineCheck(well), "voice": EngineCheck(well), "model": EngineCheck(model, every=0.0)}
    signs = EngineChecks(lambda: False, looks)
    assert signs.state()["discord"] == "off"
    signs.follow_discord(lambda: True)
    assert signs.state()["status"] == "degraded"
    looking = asyncio.create_task(signs.run())
    async with asyncio.timeout(30):
        await seen.wait()
    looking.cancel()
    assert caplog.messages == ["Model: The model server at a can't be reached.", "Model: ready again"]
    assert signs.state() == {**Health("connected", "ready", "ready", "ready").fields()}


async def test_a_hosted_server_is_checked_less_often() -> None:
    async def well() -> str:
        return "ready"

    assert EngineCheck.at("http://127.0.0.1:8080/v1", well).every == CHECK_EVERY
    assert EngineCheck.at("https://api.example/v1", well).every > CHECK_EVERY


@pytest.mark.parametrize(
    ("status", "health"),
    [
        (503, {"ready": False, "engine": None, "speaking": None, "state": "loading"}),
        (200, {"engine": None}),
        (200, {"ready": True, "engine": "XTTS v2", "speaking": None, "state": "failed"}),
    ],
)
async def test_a_speech_server_without_an_engine_is_not_ready(status: int, health: dict[str, Any]) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(health, status=status)

    application = app_of("/health", answer, method="GET")
    async with aiohttp.ClientSession() as http, LocalServer(application, "/ws/stream", scheme="ws") as server:
        client = SpeechServerClient(http, ServerAddress(server.url))
        assert (
            await check_speech_server(client) == f"the speech server at 127.0.0.1:{server.port} has no voice loaded yet"
        )


@pytest.mark.parametrize("named", ["no-such-model", "large-v3", "somebody/a-model"])
async def test_the_ears_are_not_ready_if_the_named_model_is_not_on_this_machine(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)
    settings = Settings.read(_env_file=None, stt_model=named, data_dir=tmp_path, cache_dir=tmp_path)
    async with aiohttp.ClientSession() as http:
        transcriber = await make_transcriber(settings, OwnWeights(), http, lambda *_: None)
        told = await check_transcriber(transcriber)
    assert "is not on this machine" in told
    assert "STT_MODEL" in told


async def test_the_ears_are_ready_when_the_model_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.bin").touch()
    cached = {"Systran/faster-whisper-tiny.en": str(tmp_path / "model.bin")}
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda repository, _: cached.get(repository))
    async with aiohttp.ClientSession() as http:
        for named in ("tiny.en", str(tmp_path)):
            settings = Settings.read(_env_file=None, stt_model=named, data_dir=tmp_path, cache_dir=tmp_path)
            transcriber = await make_transcriber(settings, OwnWeights(), http, lambda *_: None)
            assert await check_transcriber(transcriber) == READY
        (tmp_path / "model.bin").unlink()
        assert await check_transcriber(transcriber) != READY


async def test_ears_that_could_not_be_loaded_are_not_ready(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"no weights")
    options = WhisperOptions(str(tmp_path), "cpu", 1, "en", "float32")
    transcriber = WhisperTranscriber(options, Corrections())
    assert await check_transcriber(transcriber) == READY
    with pytest.raises(TranscriptionError) as failed:
        await transcriber.warm_up()
    assert await check_transcriber(transcriber) == str(failed.value)
    await transcriber.close()


@pytest.mark.parametrize(("status", "ready"), [(200, True), (404, True), (401, False), (503, False)])
async def test_ears_that_are_a_server_are_ready_when_it_answers(status: int, ready: bool, tmp_path: Path) -> None:
    async def models(_: web.Request) -> web.Response:
        return web.json_response({"data": []}, status=status)

    application = app_of("/v1/models", models, method="GET")
    async with aiohttp.ClientSession() as http, LocalServer(application, "/v1") as server:
        settings = Settings.read(_env_file=None, stt_url=server.url, data_dir=tmp_path, cache_dir=tmp_path)
        transcriber = await make_transcriber(settings, OwnWeights(), http, lambda *_: None)
        assert (await check_transcriber(transcriber) == READY) is ready
        await server.stop()
        assert await check_transcriber(transcriber) == f"the recogniser at 127.0.0.1:{server.port} can't be reached"


async def test_the_voice_is_ready_if_its_server_answers_and_otherwise_the_problem_is_reported() -> None:
    async def health(_: web.Request) -> web.Response:
        return web.json_response({"engine": "espeak-ng", "state": "ready"})

    application = app_of("/health", health, method="GET")
    async with aiohttp.ClientSession() as http:
        async with LocalServer(application, "/ws/stream", scheme="ws") as server:
            client = SpeechServerClient(http, ServerAddress(server.url))
            assert await check_speech_server(client) == READY
        assert await check_speech_server(client) == f"no speech server answers at 127.0.0.1:{server.port}"
