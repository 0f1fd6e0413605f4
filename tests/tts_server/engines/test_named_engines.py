"""RealtimeTTS's engines by name: OpenAI's speaks, and the errors of the others say what they need."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import pytest

from config.speech_settings import ENGINE_VARIABLES, EngineName, SpeechSettings
from tests.tts_server.api.tone_engine import SECONDS_PER_CHARACTER, TONE_HZ, ToneEngine
from tests.tts_server.client import RunningServer, running
from tests.tts_server.dsp.measures import frequency
from tests.tts_server.engines.speaking import PLAIN, speak
from tests.tts_server.stand_in_engines import FailingEngine
from tts_server.engines.base import EngineError
from tts_server.engines.factory import create_engine
from tts_server.engines.realtime_tts.engine import FILE_RATE
from tts_server.engines.realtime_tts.factory import NAMED_ENGINES, create_named_engine, stand_in_for_pyaudio
from tts_server.voices.profile import NoProfiles, UnknownVoiceError
from wire.parameters import SpeechParameters

TEXT = "Hello there."
SECONDS = len(TEXT) * SECONDS_PER_CHARACTER
KEY = {"OPENAI_API_KEY": "any"}


@pytest.fixture
async def service() -> AsyncIterator[RunningServer]:
    """This speech server, in the place of OpenAI's service."""
    async with running(ToneEngine()) as server:
        yield server


@pytest.fixture
def _address(service: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", service.url("/v1"))


@pytest.mark.usefixtures("_address")
class TestOpenAi:
    @pytest.mark.parametrize(("form", "rate"), [("mp3", FILE_RATE), ("pcm", 24_000)])
    async def test_the_engine_speaks(self, form: str, rate: int) -> None:
        with closing(create_named_engine("openai", {"response_format": form}, None, KEY)) as engine:
            heard = await asyncio.to_thread(speak, engine, TEXT)
        assert engine.sample_rate == rate
        assert len(heard) / rate == pytest.approx(SECONDS, abs=0.15)
        assert frequency(heard, rate) == pytest.approx(TONE_HZ, rel=0.02)

    async def test_the_chosen_voice_and_speed_are_used(self, service: RunningServer) -> None:
        (tone,) = service.pool.engines
        assert isinstance(tone, ToneEngine)
        with closing(create_named_engine("openai", {"voice": "shimmer"}, None, KEY)) as engine:
            assert engine.resolve(None, "fr").id == "shimmer"
            heard = await asyncio.to_thread(speak, engine, TEXT, SpeechParameters(voice="nova", speed=2))
            with pytest.raises(UnknownVoiceError):
                engine.resolve("nobody", None)
        assert tone.asked[-1][1] == "nova"
        assert len(heard) / FILE_RATE == pytest.approx(SECONDS / 2, abs=0.1)

    async def test_a_stop_is_heeded_and_the_next_text_is_whole(self) -> None:
        with closing(create_named_engine("openai", {}, None, KEY)) as engine:
            for _ in range(5):
                stop = threading.Event()
                chunks = engine.synthesize("A long story. " * 20, engine.resolve(None, None), PLAIN, stop)
                assert len(await asyncio.to_thread(next, chunks))
                stop.set()
                await asyncio.to_thread(list, chunks)
                heard = await asyncio.to_thread(speak, engine, TEXT)
                assert len(heard) / FILE_RATE == pytest.approx(SECONDS, abs=0.15)

    async def test_an_engine_that_the_settings_choose_speaks_in_the_server(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TTS_ENGINE", "openai")
        monkeypatch.setenv("TTS_ENGINE_OPTIONS", '{"model": "gpt-4o-mini-tts", "api_key": "any"}')
        settings = SpeechSettings.read(tts_voice="coral")
        with closing(create_engine(settings.tts_engine, settings, NoProfiles(), settings.tts_voice)) as engine:
            assert (engine.name, engine.resolve(None, None).id) == ("openai", "coral")
            async with running(engine) as server, server.connect() as client:
                await client.say(TEXT)
                heard = await client.hear()
        assert heard.failure is None
        assert len(heard.samples) / 48_000 == pytest.approx(SECONDS, abs=0.15)


async def test_the_error_text_of_the_service_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(FailingEngine()) as service:
        monkeypatch.setenv("OPENAI_BASE_URL", service.url("/v1"))
        with closing(create_named_engine("openai", {"timeout": 5}, None, KEY)) as engine:
            engine._engine.client.max_retries = 0
            with pytest.raises(EngineError, match="the card is gone"):
                await asyncio.to_thread(speak, engine, "raise it")


def test_the_error_for_an_unknown_name_lists_the_existing_ones() -> None:
    with pytest.raises(EngineError, match="openai") as refused:
        create_named_engine("opanai", {}, None, {})
    for name in [*EngineName, *NAMED_ENGINES]:
        assert name in str(refused.value)


@pytest.mark.filterwarnings("ignore:Couldn't find ffmpeg")
@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("azure", "azure-cognitiveservices-speech"),
        ("edge", "edge-tts"),
        ("elevenlabs", "elevenlabs"),
        ("gtts", "gTTS"),
        ("system", "pyttsx3"),
    ],
)
def test_a_missing_package_is_named(name: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Hide the packages that may be installed on this machine.
    for module in ("azure", "edge_tts", "elevenlabs", "gtts", "torch", "pyttsx3"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, f"RealtimeTTS.engines.{NAMED_ENGINES[name].module}", raising=False)
    with pytest.raises(EngineError, match=f"pip install {package}`$"):
        create_named_engine(name, {}, None, {})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vioce": "nova"}, r"no option 'vioce'; it has model, voice,.*api_key"),
        ({"response_format": "wav"}, "must be either 'mp3' or 'pcm'"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(EngineError, match=message):
        create_named_engine("openai", options, None, KEY)


def test_a_missing_key_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(EngineError, match="OPENAI_API_KEY"):
        create_named_engine("openai", {"api_key": None}, None, {})


def test_pyaudio_is_not_needed() -> None:
    stand_in_for_pyaudio()
    pyaudio = importlib.import_module("pyaudio")
    assert (pyaudio.paInt16, pyaudio.paCustomFormat) == (8, 65536)
    assert importlib.import_module("pyaudio._portaudio")


@pytest.mark.parametrize("name", NAMED_ENGINES)
def test_the_names_are_the_names_of_realtimetts(name: str) -> None:
    import RealtimeTTS

    named = NAMED_ENGINES[name]
    assert f"{named.name}Engine" in RealtimeTTS.__all__
    assert importlib.util.find_spec(f"RealtimeTTS.engines.{named.module}")


def test_no_engine_of_realtimetts_is_forgotten() -> None:
    import RealtimeTTS

    there = {name for name in RealtimeTTS.__all__ if name.endswith("Engine")} - {"BaseEngine"}
    # The server has its own engines in their place.
    there -= {"CoquiEngine", "PiperEngine", "KokoroEngine"}
    # This engine needs a fork of its package, which is not in the package index.
    there -= {"PocketTTSGpuEngine"}
    assert {f"{named.name}Engine" for named in NAMED_ENGINES.values()} == there


def test_the_settings_know_every_variable_of_an_engine() -> None:
    keys = {key for engine in NAMED_ENGINES.values() for key in engine.secrets.values()}
    assert keys | {"OPENAI_BASE_URL"} == ENGINE_VARIABLES
