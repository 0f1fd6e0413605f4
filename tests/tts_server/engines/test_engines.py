"""The engines without weights: espeak-ng's speech is understood, and the stand-in keeps its timing."""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import soxr
from pocketsphinx import Decoder

from audio.espeak import load_espeak
from audio.pcm import to_int16
from audio.samples import Samples
from tests.timing import quickest
from tests.tts_server.client import RunningServer, running
from tests.tts_server.dsp.measures import frequency
from tests.tts_server.engines.speaking import PLAIN, speak
from tts_server.engines import espeak
from tts_server.engines.base import Voice
from tts_server.engines.realtime_tts.engine import RealtimeTtsEngine
from tts_server.engines.stand_in import StandInEngine
from tts_server.engines.voice_lookup import resolve_voice
from tts_server.voices.profile import UnknownVoiceError
from wire.messages import SAMPLE_RATE
from wire.parameters import SpeechParameters

_GRAMMAR = """#JSGF V1.0;
grammar orders;
public <order> = <verb> the <colour> <thing>;
<verb> = open | close | paint | break;
<colour> = red | green | yellow;
<thing> = window | bottle | garden;
"""


def _espeak() -> RealtimeTtsEngine:
    return RealtimeTtsEngine(espeak.EspeakEngine(load_espeak()), "en-us", espeak.TRAITS)


@pytest.fixture
def espeak_engine() -> Iterator[RealtimeTtsEngine]:
    with closing(_espeak()) as engine:
        yield engine


@pytest.fixture
async def espeak_server() -> AsyncIterator[RunningServer]:
    async with running(_espeak()) as server:
        yield server


def understand(samples: Samples, rate: int) -> str:
    """Return what a speech recognizer that knows 36 sentences understands."""
    audio = np.clip(soxr.resample(samples, rate, 16_000), -1, 1)
    silence = np.zeros(4_000, "<i2")
    pcm = np.concatenate([silence, to_int16(audio), silence])
    with tempfile.TemporaryDirectory() as folder:
        grammar = Path(folder) / "orders.gram"
        grammar.write_text(_GRAMMAR)
        decoder = Decoder(jsgf=str(grammar), loglevel="FATAL")
    decoder.start_utt()
    decoder.process_raw(pcm.tobytes(), no_search=False, full_utt=True)
    decoder.end_utt()
    hypothesis = decoder.hyp()
    return str(hypothesis.hypstr) if hypothesis else ""


def _voice_frequency(engine: RealtimeTtsEngine, parameters: SpeechParameters) -> float:
    return frequency(speak(engine, "aaaaah", parameters), engine.sample_rate, highest=200)


class TestEspeak:
    @pytest.mark.parametrize("text", ["open the green window", "close the yellow bottle", "paint the red garden"])
    async def test_the_sound_from_the_server_is_understood(self, espeak_server: RunningServer, text: str) -> None:
        async with espeak_server.connect() as client:
            await client.say(f"**{text}** 😀")
            heard = await client.hear()
        assert understand(heard.samples, SAMPLE_RATE) == text

    def test_the_length_of_the_speech_follows_the_speed(self, espeak_engine: RealtimeTtsEngine) -> None:
        text = "open the green window"
        slow, usual, fast = (len(speak(espeak_engine, text, SpeechParameters(speed=speed))) for speed in (0.5, 1, 2))
        assert slow > 1.5 * usual
        assert fast < 0.7 * usual

    def test_the_pitch_follows_the_pitch_shift(self, espeak_engine: RealtimeTtsEngine) -> None:
        # The voice varies at random from one time to the next, so the median of five counts.
        low, usual, high = (
            np.median([_voice_frequency(espeak_engine, SpeechParameters(pitch_shift=shift)) for _ in range(5)])
            for shift in (-6, 0, 6)
        )
        assert low < 0.85 * usual
        assert high > 1.15 * usual

    @pytest.mark.parametrize(
        ("language", "voice"),
        [
            (None, "en-us"),
            ("en", "en-us"),
            ("en-GB", "en-gb"),
            ("de_CH", "de"),
            ("zh", "cmn"),
            ("pt", "pt"),
            ("no", "nb"),
        ],
    )
    def test_each_language_has_a_voice(
        self, espeak_engine: RealtimeTtsEngine, language: str | None, voice: str
    ) -> None:
        assert espeak_engine.resolve(None, language).id == voice

    @pytest.mark.parametrize("text", ["你好，朋友", "Привет", "مرحبا", "नमस्ते", "สวัสดี", "안녕하세요", "こんにちは"])
    async def test_text_in_any_script_is_heard(self, espeak_server: RunningServer, text: str) -> None:
        async with espeak_server.connect() as client:
            await client.say(text)
            heard = await client.hear()
        assert heard.failure is None
        assert np.abs(heard.samples).max() > 0.05

    @pytest.mark.parametrize("text", ["\x01 50P", "a\0b", "\ud83d", "<voice name='x'>", "[[h@l@U]]", "x" * 5000])
    def test_odd_text_does_no_harm(self, espeak_engine: RealtimeTtsEngine, text: str) -> None:
        before = speak(espeak_engine, "open the green window")
        speak(espeak_engine, text)
        assert len(speak(espeak_engine, "open the green window")) == pytest.approx(len(before), rel=0.02)

    async def test_speech_stops_at_once(self, espeak_engine: RealtimeTtsEngine) -> None:
        async def stop_at_once() -> float:
            stop = threading.Event()
            voice = espeak_engine.resolve(None, None)
            chunks = espeak_engine.synthesize("a long story. " * 300, voice, PLAIN, stop)
            next(chunks)
            stop.set()
            begun = time.monotonic()
            assert len(list(chunks)) <= 1
            return time.monotonic() - begun

        assert await quickest(stop_at_once, 0.2) < 0.2

    def test_two_engines_share_the_one_library(self) -> None:
        engines = [RealtimeTtsEngine(espeak.EspeakEngine(load_espeak()), "en-us", espeak.TRAITS) for _ in range(2)]
        alone = len(speak(engines[0], "open the green window. " * 5))
        with ThreadPoolExecutor(2) as threads:
            together = list(threads.map(lambda engine: len(speak(engine, "open the green window. " * 5)), engines))
        for engine in engines:
            engine.close()
        assert together == pytest.approx([alone, alone], rel=0.02)

    async def test_simultaneous_clients_hear_only_their_own_speech(self, espeak_server: RunningServer) -> None:
        orders = ["open the green window", "close the yellow bottle"]

        async def order(text: str) -> str:
            async with espeak_server.connect() as client:
                await client.say(text)
                return understand((await client.hear()).samples, SAMPLE_RATE)

        assert await asyncio.gather(*map(order, orders)) == orders


class TestStandIn:
    async def test_the_stand_in_takes_the_given_times(self, tmp_path: Path) -> None:
        file = tmp_path / "timings.jsonl"

        async def speak_for_a_second() -> float:
            file.unlink(missing_ok=True)
            with closing(StandInEngine(0.05, 0.5, file)) as engine:
                begun = time.monotonic()
                samples = speak(engine, "a" * 30)
                took = time.monotonic() - begun
            assert len(samples) == 2 * engine.sample_rate
            # A busy machine may be late, but never early.
            assert took >= 0.05 + 1.9 * 0.5
            (timing,) = engine.timings
            assert timing.first_audio_at - timing.received_at >= 0.05
            assert file.read_text().count("\n") == 1
            return max(took - 1.0, timing.first_audio_at - timing.received_at)

        assert await quickest(speak_for_a_second, 0.5) < 0.5

    def test_writing_the_times_does_not_delay_the_first_sound(self, tmp_path: Path) -> None:
        file = tmp_path / "timings.jsonl"
        with closing(StandInEngine(0.0, 0.0, file)) as engine:
            sound = engine.synthesize("a" * 30, engine.resolve(None, None), SpeechParameters(), threading.Event())
            next(sound)
            assert engine.timings == []
            # A reply that is cut off here has its times too.
            sound.close()
            assert [timing.text for timing in engine.timings] == ["a" * 30]
        assert file.read_text().count("\n") == 1


def test_a_voice_of_the_language_is_found() -> None:
    voices = [Voice("a", "A", "pt-br"), Voice("b", "B", "fr"), Voice("c", "C", "fr-ca")]
    assert resolve_voice(voices, voices[0], None, "fr-CA").id == "c"
    assert resolve_voice(voices, voices[0], None, "fr-be").id == "b"
    assert resolve_voice(voices, voices[1], None, "pt").id == "a"
    assert resolve_voice(voices, voices[0], "C", "pt").id == "c"
    with pytest.raises(UnknownVoiceError):
        resolve_voice(voices, voices[0], None, "de")
