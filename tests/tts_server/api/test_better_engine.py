"""The better engine: selected by OpenAI's name for it, loaded on demand, and without a fallback."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import SettingsError
from config.speech_settings import SpeechSettings
from tests.tts_server.api.speaking import played, post
from tests.tts_server.api.tone_engine import TONE_HZ
from tests.tts_server.better_server import running_server
from tests.tts_server.client import RunningServer
from tests.tts_server.dsp.measures import frequency
from tests.tts_server.spelling_engine import LoadingEngine, SpellingEngine
from tts_server.assembly import create_better_pool
from tts_server.engines.base import EngineError
from tts_server.engines.stand_in import TONE_HZ as BETTER_HZ
from tts_server.engines.stand_in import StandInEngine
from tts_server.speaking.engine_pool import EnginePool
from tts_server.voices.library import VoiceLibrary

TEXT = "Hello there, this is a somewhat longer line."
NAMES = ("tone", "tts-1", "gpt-4o-mini-tts", "whatever", None, 7)


async def _hertz(server: RunningServer, model: object) -> float:
    async with post(server, input=TEXT, model=model, response_format="wav") as answer:
        assert answer.status == 200, await answer.text()
        return frequency(*played(await answer.read()))


async def _engines_of_models(server: RunningServer) -> dict[str, str]:
    async with server.session.get(server.url("/v1/models")) as answer:
        return {model["id"]: model["engine"] for model in (await answer.json())["data"]}


async def test_the_better_engine_speaks_only_requests_with_its_names(tmp_path: Path) -> None:
    async with running_server(tmp_path, StandInEngine(0.0, 0.0)) as server:
        for name in ("tts-1-hd", "stand-in"):
            assert await _hertz(server, name) == pytest.approx(BETTER_HZ, rel=0.02)
        for other in NAMES:
            assert await _hertz(server, other) == pytest.approx(TONE_HZ, rel=0.02)


async def test_without_a_better_engine_all_names_mean_the_same(tmp_path: Path) -> None:
    async with running_server(tmp_path, None) as server:
        for name in ("tts-1-hd", *NAMES):
            assert await _hertz(server, name) == pytest.approx(TONE_HZ, rel=0.02)
        assert set((await _engines_of_models(server)).values()) == {"tone"}


async def test_the_models_say_which_engine_they_mean(tmp_path: Path) -> None:
    async with running_server(tmp_path, StandInEngine(0.0, 0.0)) as server:
        assert await _engines_of_models(server) == {
            "tone": "tone",
            "stand-in": "stand-in",
            "tts-1": "tone",
            "tts-1-hd": "stand-in",
            "gpt-4o-mini-tts": "tone",
        }


async def test_no_other_engine_replaces_a_failing_better_engine(tmp_path: Path) -> None:
    better = SpellingEngine("hd")
    better.fails_after, better.failure = 0, EngineError("the card is full")
    async with running_server(tmp_path, better) as server:
        async with post(server, input=TEXT, model="tts-1-hd") as answer:
            assert answer.status == 500
            error = (await answer.json())["error"]
            assert (error["code"], error["message"]) == ("engine_failed", "the card is full")
        assert await _hertz(server, "tts-1") == pytest.approx(TONE_HZ, rel=0.02)


async def test_the_better_engine_is_loaded_on_the_first_request(tmp_path: Path) -> None:
    better = LoadingEngine("hd")
    better.gate.set()
    async with running_server(tmp_path, better) as server:
        await _hertz(server, "tts-1")
        assert better.loads == 0
        async with post(server, input="w1 w2", model="tts-1-hd", response_format="pcm") as answer:
            assert answer.status == 200
            assert len(await answer.read()) > 0
        assert better.loads == 1


async def test_a_voice_that_the_better_engine_lacks_is_refused(tmp_path: Path) -> None:
    async with (
        running_server(tmp_path, StandInEngine(0.0, 0.0)) as server,
        post(server, input=TEXT, model="tts-1-hd", voice="Our own Nova") as answer,
    ):
        assert answer.status == 400
        assert (await answer.json())["error"]["code"] == "unknown_voice"


def test_the_settings_choose_the_better_engine(tmp_path: Path) -> None:
    library = VoiceLibrary(tmp_path)

    def made(**settings: str) -> EnginePool | None:
        return create_better_pool(SpeechSettings.read(tmp_path, _env_file=None, **settings), library)

    pool = made(tts_engine="espeak", tts_better_engine="stand-in")
    assert pool is not None
    assert [engine.name for engine in pool.engines] == ["stand-in"]
    assert made(tts_engine="espeak", tts_better_engine="") is None
    assert made(tts_engine="stand-in", tts_better_engine="stand-in") is None, "the engine itself would be no better"
    with pytest.raises(SettingsError, match="TTS_BETTER_ENGINE: 'siri'"):
        made(tts_engine="espeak", tts_better_engine="siri")
