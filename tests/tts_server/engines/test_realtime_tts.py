"""The adapter for RealtimeTTS's engines: sound formats, voices and parameters, and engines that misbehave."""

from __future__ import annotations

import struct
import threading
import time
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from audio.pcm import to_pcm16
from audio.samples import Samples
from tests.timing import LIMIT, quickest
from tests.tones import tone
from tests.tts_server.dsp.measures import frequency
from tests.tts_server.engines.scripted_engine import RATE, TONE_HZ, ScriptedEngine, encoded
from tests.tts_server.engines.speaking import PLAIN, speak
from tts_server.engines.base import EngineError
from tts_server.engines.realtime_tts.engine import (
    FILE_RATE,
    PA_CUSTOM,
    PA_FLOAT32,
    PA_INT16,
    PA_INT32,
    RealtimeTtsEngine,
    Traits,
)
from tts_server.voices.profile import UnknownVoiceError
from wire.parameters import SpeechParameters

SOUND = [b"\2\0" * 100]
STOP_SECONDS = 0.05


def wrapped(inner: ScriptedEngine, traits: Traits | None = None, **options: Any) -> Any:
    return closing(RealtimeTtsEngine(inner, None, traits or Traits(), **options))


class TestSound:
    def test_samples_that_are_cut_in_two_are_joined(self) -> None:
        data = struct.pack("<4h", 0, 16384, -16384, -32768)
        with wrapped(ScriptedEngine([data[:3], data[3:]])) as engine:
            np.testing.assert_allclose(speak(engine, "hello"), [0, 0.5, -0.5, -1])

    @pytest.mark.parametrize(
        ("form", "data"),
        [
            (PA_FLOAT32, struct.pack("<3f", 0, 0.5, -1)),
            (PA_INT32, struct.pack("<3i", 0, 2**30, -(2**31))),
            (PA_INT16, struct.pack("<3h", 0, 16384, -32768)),
        ],
    )
    def test_each_sample_format_is_converted(self, form: int, data: bytes) -> None:
        with wrapped(ScriptedEngine([data], (form, 1, RATE))) as engine:
            np.testing.assert_allclose(speak(engine, "hello"), [0, 0.5, -1])

    def test_two_channels_become_one(self) -> None:
        data = struct.pack("<6h", 16384, 0, 0, -16384, 8192, 8192)
        with wrapped(ScriptedEngine([data[:5], data[5:]], (PA_INT16, 2, RATE))) as engine:
            np.testing.assert_allclose(speak(engine, "hello"), [0.25, -0.25, 0.25])

    @pytest.mark.parametrize(
        ("container", "codec", "rate"),
        [
            ("mp3", "libmp3lame", 22_050),
            ("mp3", "libmp3lame", 44_100),
            ("ogg", "libopus", 24_000),
            ("flac", "flac", 32_000),
        ],
    )
    @pytest.mark.parametrize("size", [1, 100, 100_000])
    def test_files_are_decoded(self, container: str, codec: str, rate: int, size: int) -> None:
        data = encoded(container, codec, 1.0, rate)
        pieces = [data[start : start + size] for start in range(0, len(data), size)]
        with wrapped(ScriptedEngine(pieces, (PA_CUSTOM, -1, -1))) as engine:
            assert engine.sample_rate == FILE_RATE
            heard = speak(engine, "hello")
        assert len(heard) / FILE_RATE == pytest.approx(1, abs=0.1)
        assert frequency(heard, FILE_RATE) == pytest.approx(TONE_HZ, rel=0.02)

    def test_an_mp3_with_a_tag_is_decoded(self) -> None:
        tag = b"ID3\4\0\0\0\0\2\0" + b"\0" * 256
        with wrapped(ScriptedEngine([tag, encoded("mp3", "libmp3lame", 1, 24_000)], (PA_CUSTOM, -1, -1))) as engine:
            assert len(speak(engine, "hello")) / FILE_RATE == pytest.approx(1, abs=0.1)

    def test_an_mp3_is_heard_while_it_arrives(self) -> None:
        data = encoded("mp3", "libmp3lame", 2, 24_000)
        inner = ScriptedEngine([data[:1000]], (PA_CUSTOM, 1, 22_050))
        with wrapped(inner) as engine:
            stop = threading.Event()
            first = next(engine.synthesize("hello", engine.resolve(None, None), PLAIN, stop))
            assert len(first) > 0
            stop.set()

    @pytest.mark.parametrize("data", [b"<html>no credit</html>", b"\0" * 5000, b"ID3nonsense" * 100, b"\xff\xfb"])
    def test_data_that_are_not_sound_are_reported(self, data: bytes) -> None:
        with wrapped(ScriptedEngine([data], (PA_CUSTOM, 1, 24_000))) as engine:
            with pytest.raises(EngineError, match="scripted"):
                speak(engine, "hello")
            engine._engine.pieces = [encoded("mp3", "libmp3lame", 1, 24_000)]
            assert len(speak(engine, "hello")) > 0

    def test_an_unknown_format_is_refused(self) -> None:
        with pytest.raises(EngineError, match="format"):
            RealtimeTtsEngine(ScriptedEngine([], (4, 1, RATE)))


class TestVoicesAndParameters:
    def test_voice_and_parameters_arrive(self) -> None:
        inner = ScriptedEngine(SOUND)
        with wrapped(inner, Traits(supports=("speed",))) as engine:
            speak(engine, "hello", SpeechParameters(voice="Bob", speed=1.5, temperature=0.3, pitch_shift=2))
            assert inner.chosen == "Bob"
            assert inner.parameters == {"speed": 1.5}
            assert not engine.shifts_pitch
            speak(engine, "hello")
            assert inner.parameters == {"speed": 1.0}

    def test_an_engine_without_a_speed_setting_is_played_faster(self) -> None:
        inner = ScriptedEngine([to_pcm16(tone(1, TONE_HZ, rate=RATE))])
        with wrapped(inner) as engine:
            heard = speak(engine, "hello", SpeechParameters(speed=2))
        assert inner.parameters == {}
        assert len(heard) / RATE == pytest.approx(0.5, abs=0.01)
        assert frequency(heard, RATE) == pytest.approx(TONE_HZ, rel=0.02)

    def test_text_is_prepared(self) -> None:
        inner = ScriptedEngine(SOUND)
        with wrapped(inner, Traits(prepare=lambda text: text.replace("&", "&amp;"))) as engine:
            speak(engine, "you & me")
        assert inner.texts == ["you &amp; me"]

    def test_voices_without_a_stated_language_speak_every_language(self) -> None:
        with wrapped(ScriptedEngine([])) as engine:
            assert engine.resolve(None, "ja").id == "Anna"
            with pytest.raises(UnknownVoiceError):
                engine.resolve("Carl", None)

    def test_many_forms_of_voice_descriptions_are_understood(self) -> None:
        voices = (
            SimpleNamespace(name="af-ZA-AdriNeural", locale="af-ZA"),
            SimpleNamespace(name="jf_alpha", language_code="j"),
            SimpleNamespace(name="George", language="british english"),
            SimpleNamespace(voice_id=147320),
            SimpleNamespace(language="fr", tld="ca"),
        )
        with wrapped(ScriptedEngine([], voices=voices), Traits(languages={"j": "ja"})) as engine:
            described = [(voice.id, voice.language) for voice in engine.voices()]
            assert described == [
                ("af-ZA-AdriNeural", "af-za"),
                ("jf_alpha", "ja"),
                ("George", "en-gb"),
                ("147320", ""),
                ("fr-ca", "fr"),
            ]
            assert engine.resolve(None, None).id == "George"
            assert engine.resolve(None, "ja").id == "jf_alpha"
        with wrapped(ScriptedEngine([], voices=voices), Traits(voice="jf_alpha")) as engine:
            assert engine.resolve(None, None).id == "jf_alpha"

    def test_an_engine_without_a_list_of_voices_speaks_with_its_own_voice(self) -> None:
        inner = ScriptedEngine(SOUND, voices=())
        with wrapped(inner) as engine:
            assert len(speak(engine, "hello")) == 100
            assert inner.chosen is None


class TestFaults:
    @pytest.mark.parametrize(("text", "message"), [("false", "gave no sound for the text"), ("raise", "no licence")])
    def test_failures_are_reported(self, text: str, message: str) -> None:
        with wrapped(ScriptedEngine(SOUND)) as engine:
            with pytest.raises(EngineError, match=message):
                speak(engine, text)
            assert len(speak(engine, "hello")) == 100

    def test_sound_that_arrives_after_a_stop_is_never_heard(self) -> None:
        inner = ScriptedEngine(SOUND)
        with wrapped(inner) as engine:
            assert _stopped(engine, inner, "wait") == []
            assert set(speak(engine, "hello")) == {np.float32(2 / 32768)}
            assert len(speak(engine, "hello")) == 100

    def test_an_engine_that_ignores_a_stop_does_not_delay_its_caller(self) -> None:
        inner = ScriptedEngine(SOUND)
        with wrapped(inner) as engine:
            assert _stopped(engine, inner, "hang") == []
            threading.Timer(0.1, inner.release.set).start()
            # The new text waits for the old one to end, and contains none of its sound.
            assert len(speak(engine, "hello")) == 100

    async def test_a_stop_is_heeded_in_the_promised_time(self) -> None:
        inner = ScriptedEngine(SOUND)

        async def stop() -> float:
            inner.release.clear()
            inner.hanging.clear()
            _, taken = _stop(engine, inner, "hang")
            inner.release.set()
            return taken

        with wrapped(inner) as engine:
            assert await quickest(stop, STOP_SECONDS) < STOP_SECONDS

    def test_an_engine_that_hangs_for_good_causes_an_error_instead_of_a_hang(self) -> None:
        inner = ScriptedEngine(SOUND)
        with wrapped(inner, stop_timeout=0.1) as engine:
            assert _stopped(engine, inner, "hang") == []
            for _ in range(2):
                with pytest.raises(EngineError, match="hangs"):
                    speak(engine, "hello")
            engine._stop_timeout = LIMIT
            inner.release.set()
            assert len(speak(engine, "hello")) == 100

    def test_a_stop_while_the_last_text_hangs_is_heeded(self) -> None:
        inner = ScriptedEngine(SOUND)
        with wrapped(inner) as engine:
            _stopped(engine, inner, "hang")
            stop = threading.Event()
            threading.Timer(0.05, stop.set).start()
            assert list(engine.synthesize("hello", engine.resolve(None, None), PLAIN, stop)) == []
            inner.release.set()
        assert inner.texts == ["hang"]

    def test_silence_for_too_long_is_an_error(self) -> None:
        inner = ScriptedEngine(SOUND)
        with wrapped(inner, silence_timeout=0.1) as engine:
            with pytest.raises(EngineError, match="no sound for"):
                speak(engine, "wait")
            engine._silence_timeout = LIMIT
            assert len(speak(engine, "hello")) == 100

    def test_a_hanging_engine_can_be_closed(self) -> None:
        inner = ScriptedEngine(SOUND)
        inner.shutdown = inner.release.wait
        engine = RealtimeTtsEngine(inner, stop_timeout=0.1)
        _stopped(engine, inner, "hang")
        engine.close()
        assert inner.hangs
        inner.release.set()

    def test_an_engine_that_cannot_be_stopped_does_no_harm(self) -> None:
        def stop() -> None:
            raise RuntimeError("no such process")

        inner = ScriptedEngine(SOUND)
        inner.stop = stop
        with wrapped(inner) as engine:
            assert _stopped(engine, inner, "hang") == []
            inner.release.set()
            assert len(speak(engine, "hello")) == 100


def _stopped(engine: RealtimeTtsEngine, inner: ScriptedEngine, text: str) -> list[Samples]:
    """Stop a text while it is spoken, check that it ends although the engine may hang, and return its sound."""
    heard, _ = _stop(engine, inner, text)
    assert inner.hangs == ("hang" in text)
    return heard


def _stop(engine: RealtimeTtsEngine, inner: ScriptedEngine, text: str) -> tuple[list[Samples], float]:
    """Stop a text while it is spoken. Returns its sound, and the seconds from the stop to its end."""
    stop = threading.Event()
    stopped_at = 0.0

    def end() -> None:
        nonlocal stopped_at
        inner.hanging.wait(60)
        stopped_at = time.monotonic()
        stop.set()

    ending = threading.Thread(target=end)
    ending.start()
    heard = list(engine.synthesize(text, engine.resolve(None, None), PLAIN, stop))
    taken = time.monotonic() - stopped_at
    ending.join()
    return heard, taken
