"""The Piper engine with a toy voice: voices, speed, pieces, stops and errors."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from config.speech_settings import SpeechSettings
from tests.tts_server.client import running
from tests.tts_server.dsp.measures import frequency
from tests.tts_server.engines.speaking import PLAIN, speak
from tests.tts_server.engines.toy_piper import COLUMN, HUM_HZ, RATE, description, make_voice, network, seconds
from tests.tts_server.spelling_engine import SpellingEngine
from tts_server.engines.base import EngineError
from tts_server.engines.factory import create_engine, create_engines
from tts_server.engines.piper.engine import PiperEngine
from tts_server.engines.piper.factory import create_piper
from tts_server.engines.piper.loaded_voice import scale_for
from tts_server.engines.piper.network import FIRST_PIECE, Network, NetworkInput
from tts_server.voices.profile import NoProfiles, UnknownVoiceError
from wire.messages import EngineChanged
from wire.parameters import SpeechParameters

TEXT = "Hello there, how are you today?"
LONG = "The train leaves at nine from the old station, and if it rains we take the bus instead. " * 3


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PiperEngine]:
    """A shared engine, for tests that only speak with it."""
    with closing(create_piper(make_voice(tmp_path_factory.mktemp("voice")), {}, None)) as engine:
        yield engine


def test_a_text_becomes_sound_as_long_as_its_phonemes(engine: PiperEngine) -> None:
    heard = speak(engine, "Hello there,")
    assert engine.sample_rate == RATE
    # 13 phonemes of "həlˈoʊ ðˈɛɹ, ", a padding symbol after each, and three symbols for the beginning and the end.
    assert len(heard) / RATE == pytest.approx(seconds(2 * 13 + 3), abs=seconds(6))
    assert frequency(heard, RATE) == pytest.approx(HUM_HZ, rel=0.02)


@pytest.mark.parametrize("speed", [0.5, 2.0])
def test_piper_changes_the_speed_itself_and_keeps_the_pitch(engine: PiperEngine, speed: float) -> None:
    usual, changed = speak(engine, "Hello there,"), speak(engine, "Hello there,", SpeechParameters(speed=speed))
    assert len(changed) == pytest.approx(len(usual) * scale_for(speed), abs=COLUMN)
    assert frequency(changed, RATE) == pytest.approx(HUM_HZ, rel=0.02)


def test_the_first_piece_comes_before_the_rest_and_no_seam_is_heard(tmp_path: Path) -> None:
    whole = Network(make_voice(tmp_path / "whole", divisible=False), 1, RATE, _network_input(60))
    pieces = Network(make_voice(tmp_path / "pieces"), 1, RATE, _network_input(60))
    said = list(pieces.speak(_network_input(200), onnxruntime.RunOptions()))
    (at_once,) = whole.speak(_network_input(200), onnxruntime.RunOptions())
    assert len(said[0]) == FIRST_PIECE * COLUMN
    assert len(said) > 3
    np.testing.assert_allclose(np.concatenate(said), at_once, atol=1e-5)


def _network_input(tokens: int) -> NetworkInput:
    return NetworkInput([1 + number % 200 for number in range(tokens)], None, (0.6, 1.0, 0.8))


def test_after_a_stop_no_sound_follows_and_the_next_text_is_whole(engine: PiperEngine) -> None:
    wanted = len(speak(engine, TEXT))
    for _ in range(50):
        stop = threading.Event()
        chunks = engine.synthesize(LONG, engine.resolve(None, None), PLAIN, stop)
        assert len(next(chunks))
        stop.set()
        assert list(chunks) == []
        assert len(speak(engine, TEXT)) == wanted


def test_a_sentence_ends_with_a_pause_and_a_clause_does_not(engine: PiperEngine) -> None:
    sentence, clause = speak(engine, "Hello there."), speak(engine, "Hello there,")
    silent = round(0.1 * RATE)
    assert not np.any(sentence[-silent:])
    assert np.any(clause[-silent:])


@pytest.mark.parametrize("text", ["", "…", "   ", "\0\1\2", "?!"])
def test_a_text_without_sounds_gives_no_sound(engine: PiperEngine, text: str) -> None:
    assert not len(speak(engine, text))


@pytest.mark.parametrize(
    "text", ["[[hello]]", "[[ so", "a\0b\x1b[0m", "x" * 5_000, "word " * 3_000, "\u202e\ufffd漢字"]
)
def test_hostile_text_is_spoken_as_text(engine: PiperEngine, text: str) -> None:
    assert len(speak(engine, text))


def test_double_brackets_are_not_read_as_phonemes(engine: PiperEngine) -> None:
    assert len(speak(engine, "[[aaaaaaaaaaaaaaaaaaaa]] now")) == len(speak(engine, "[aaaaaaaaaaaaaaaaaaaa] now"))


class TestVoices:
    def test_voices_are_found_by_their_ids_names_and_languages(self, tmp_path: Path) -> None:
        make_voice(tmp_path, "en_US-joe-medium")
        make_voice(tmp_path / "de" / "de_DE" / "thorsten" / "low", "de_DE-thorsten-low", language={"code": "de_DE"})
        with closing(create_piper(tmp_path, {}, None)) as engine:
            assert [(voice.id, voice.language) for voice in engine.voices()] == [
                ("piper:de_DE-thorsten-low", "de-de"),
                ("piper:en_US-joe-medium", "en-us"),
            ]
            joe, thorsten = engine.resolve(None, None), engine.resolve(None, "de")
            assert (joe.name, thorsten.name) == ("en_US-joe-medium", "de_DE-thorsten-low")
            for name in ("piper:en_US-joe-medium", "en_US-joe-medium", "EN_us-joe-medium", "joe", "Joe", "en"):
                assert engine.resolve(name, None) == joe
            for language in ("fr", "tlh"):
                with pytest.raises(UnknownVoiceError):
                    engine.resolve(None, language)
            with pytest.raises(UnknownVoiceError, match="there are: piper:de_DE-thorsten-low, piper:en_US-joe-medium"):
                engine.resolve("piper:nobody", None)

    def test_each_speaker_of_a_network_is_a_voice(self, tmp_path: Path) -> None:
        file = make_voice(tmp_path, "en_GB-two-low", num_speakers=2, speaker_id_map={"soft": 0, "loud": 1})
        with closing(create_piper(file, {}, "en_GB-two-low:loud")) as engine:
            assert [voice.name for voice in engine.voices()] == [
                "en_GB-two-low",
                "en_GB-two-low:soft",
                "en_GB-two-low:loud",
            ]
            levels = {
                name: float(np.abs(speak(engine, TEXT, SpeechParameters(voice=name))).max())
                for name in ("piper:en_GB-two-low:soft", "piper:en_GB-two-low:loud", "en_GB-two-low")
            }
            usual = float(np.abs(speak(engine, TEXT)).max())
        assert usual == levels["piper:en_GB-two-low:loud"] > 1.5 * levels["piper:en_GB-two-low:soft"]
        assert levels["en_GB-two-low"] == levels["piper:en_GB-two-low:soft"]

    def test_voices_with_other_sample_rates_keep_length_and_pitch(self, tmp_path: Path) -> None:
        make_voice(tmp_path, "en_US-joe-medium")
        make_voice(tmp_path, "fr_FR-low-low", language={"code": "fr_FR"}, audio={"sample_rate": 16_000})
        with closing(create_piper(tmp_path, {}, None)) as engine:
            heard = speak(engine, "Hello there,", SpeechParameters(voice="fr_FR-low-low"))
            usual = speak(engine, "Hello there,")
        assert engine.sample_rate == RATE
        assert len(heard) / len(usual) == pytest.approx(RATE / 16_000, rel=0.01)
        assert frequency(heard, RATE) == pytest.approx(HUM_HZ * 16_000 / RATE, rel=0.02)


class TestFaults:
    @pytest.mark.parametrize(
        ("described", "said"),
        [
            ("{", "it is not JSON"),
            ("[]", "does not describe a voice of Piper's"),
            ('{"model_type": "whisper"}', r"audio: Field required"),
            (description(audio={"sample_rate": 0}), r"audio.sample_rate: .*greater than or equal to 8000"),
            (description(audio={"sample_rate": "fast"}), r"audio.sample_rate"),
            (description(phoneme_id_map={"_": [0], "^": [1], "$": [999]}), "beyond num_symbols"),
            (description(speaker_id_map={"a": 7}), "beyond num_speakers"),
            (description(inference={"length_scale": 0}), "inference.length_scale"),
            (description(phoneme_type="runes"), "phoneme_type"),
            ("[" * 100_000, "it is not JSON"),
        ],
    )
    def test_a_description_that_is_no_valid_one_of_piper_is_refused(
        self, tmp_path: Path, described: Any, said: str
    ) -> None:
        file = make_voice(tmp_path)
        text = described if isinstance(described, str) else json.dumps(described)
        file.with_name(f"{file.name}.json").write_text(text)
        with pytest.raises(EngineError, match=said) as refused:
            create_piper(tmp_path, {}, None)
        assert f"{file.name}.json" in str(refused.value)
        assert "\n" not in str(refused.value)

    def test_a_missing_description_is_reported(self, tmp_path: Path) -> None:
        file = make_voice(tmp_path)
        file.with_name(f"{file.name}.json").unlink()
        with pytest.raises(EngineError, match=r"toy-low\.onnx\.json is not there"):
            create_piper(file, {}, None)

    @pytest.mark.parametrize("size", [0, 100, 700])
    def test_a_truncated_network_is_reported(self, tmp_path: Path, size: int) -> None:
        file = make_voice(tmp_path)
        file.write_bytes(file.read_bytes()[:size])
        with pytest.raises(EngineError, match=r"toy-low\.onnx is damaged") as refused:
            create_piper(file, {}, None)
        assert "\n" not in str(refused.value)

    def test_a_network_of_another_program_is_reported(self, tmp_path: Path) -> None:
        file = make_voice(tmp_path)
        file.write_bytes(network(speakers=2))
        with pytest.raises(EngineError, match="damaged or is not a Piper network"):
            create_piper(file, {}, None)

    @pytest.mark.parametrize(
        ("place", "said"),
        [("nowhere", "there is no voice at"), (".", "holds no file NAME.onnx"), ("notes.txt", "does not end in .onnx")],
    )
    def test_a_place_without_a_voice_is_reported(self, tmp_path: Path, place: str, said: str) -> None:
        (tmp_path / "notes.txt").touch()
        with pytest.raises(EngineError, match=said):
            create_piper(tmp_path / place, {}, None)

    def test_a_broken_voice_of_several_is_left_out(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        make_voice(tmp_path, "en_US-joe-medium")
        make_voice(tmp_path, "de_DE-broken-low").with_name("de_DE-broken-low.onnx.json").unlink()
        with closing(create_piper(tmp_path, {}, None)) as engine:
            assert [voice.name for voice in engine.voices()] == ["en_US-joe-medium"]
        assert "de_DE-broken-low.onnx.json is not there" in caplog.text

    async def test_a_damaged_voice_does_not_affect_the_others(self, tmp_path: Path) -> None:
        make_voice(tmp_path, "en_US-joe-medium")
        damaged = make_voice(tmp_path, "de_DE-cut-low", language={"code": "de_DE"})
        whole = damaged.read_bytes()
        damaged.write_bytes(whole[:700])
        engine, other = create_piper(tmp_path, {}, None), SpellingEngine("other")
        async with running(engine, other) as server, server.connect() as client:

            async def spoken_by_other(text: str, language: str) -> list[str]:
                other.texts.clear()
                await client.say(text, language=language)
                heard = await client.hear()
                assert heard.failure is None
                assert len(heard.samples) > 0
                return other.texts

            for _ in range(2):
                assert await spoken_by_other("Guten Morgen.", "de") == ["Guten Morgen."]
                assert server.pool.state() == EngineChanged("piper", "ready")
                assert await spoken_by_other("Good morning.", "en") == []
            damaged.write_bytes(whole)
            assert await spoken_by_other("Guten Morgen.", "de") == []


class TestSettings:
    def test_the_next_engine_speaks_while_the_voice_is_missing(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        settings = SpeechSettings.read(tts_engine="piper", piper_model=tmp_path)
        piper, espeak = create_engines(settings, NoProfiles())
        assert (piper.loaded, espeak.name) == (False, "espeak-ng")
        assert "TTS_ENGINE=piper: there is no voice in the folder" in caplog.text
        with pytest.raises(EngineError, match="TTS_ENGINE=piper: there is no voice in the folder"):
            piper.load(lambda progress: None)
        make_voice(tmp_path)
        piper.load(lambda progress: None)
        with closing(piper):
            assert len(speak(piper, TEXT))

    def test_without_a_voice_piper_does_not_stand_in_and_nobody_is_warned(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        (engine,) = create_engines(SpeechSettings.read(tts_engine="espeak"), NoProfiles())
        assert engine.name == "espeak-ng"
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]

    def test_a_voice_that_was_downloaded_needs_no_setting(self, tmp_path: Path) -> None:
        """The engine uses the voice that `models download piper-joe` fetches, unless the settings name another."""
        make_voice(tmp_path / "weights" / "piper-joe" / "en" / "en_US" / "joe" / "medium", "en_US-joe-medium")
        other = make_voice(tmp_path / "own", "en_US-own-low")
        chosen = {"voice": {"model_file": str(other)}}
        for names, settings in (
            ("en_US-joe-medium", SpeechSettings.read(tts_engine="piper", cache_dir=tmp_path)),
            ("en_US-own-low", SpeechSettings.read(tts_engine="piper", cache_dir=tmp_path, piper_model=other)),
            ("en_US-own-low", SpeechSettings.read(tts_engine="piper", cache_dir=tmp_path, tts_engine_options=chosen)),
        ):
            with closing(create_engine("piper", settings, NoProfiles(), None)) as engine:
                assert [voice.name for voice in engine.voices()] == [names]

    def test_the_error_for_a_broken_downloaded_voice_names_the_command_to_type(self, tmp_path: Path) -> None:
        file = make_voice(tmp_path / "weights" / "piper-joe", "en_US-joe-medium")
        file.with_name("en_US-joe-medium.onnx.json").unlink()
        settings = SpeechSettings.read(tts_engine="piper", cache_dir=tmp_path)
        with pytest.raises(EngineError, match=r"\.onnx\.json is not there.*: type .*models download piper-joe"):
            create_engine("piper", settings, NoProfiles(), None)

    def test_piper_comes_before_espeak(self, tmp_path: Path) -> None:
        settings = SpeechSettings.read(tts_engine="stand-in", piper_model=make_voice(tmp_path))
        assert [engine.name for engine in create_engines(settings, NoProfiles())] == ["stand-in", "piper", "espeak-ng"]

    def test_the_engine_with_the_wanted_voice_comes_first(self, tmp_path: Path) -> None:
        file = make_voice(tmp_path)
        wanted = SpeechSettings.read(tts_engine="piper", piper_model=file, tts_voice="en-gb")
        first, second = create_engines(wanted, NoProfiles())
        assert (first.name, first.resolve(None, None).id, second.name) == ("espeak-ng", "en-gb", "piper")
        own = SpeechSettings.read(tts_engine="piper", piper_model=file, tts_voice="piper:en_US-toy-low")
        assert [engine.name for engine in create_engines(own, NoProfiles())] == ["piper", "espeak-ng"]
        nobodys = SpeechSettings.read(tts_engine="piper", piper_model=file, tts_voice="piper:nobody")
        with pytest.raises(UnknownVoiceError, match="there is no voice 'piper:nobody'; there are: piper:en_US-toy-low"):
            create_engines(nobodys, NoProfiles())

    def test_the_options_of_the_piper_engine_of_realtimetts_still_work(self, tmp_path: Path) -> None:
        file = make_voice(tmp_path, "voice")
        elsewhere = file.with_name("voice.onnx.json").rename(tmp_path / "other.json")
        voice = {"model_file": str(file), "config_file": str(elsewhere)}
        options = {"voice": voice, "piper_path": "/usr/bin/piper", "debug": True}
        settings = SpeechSettings.read(tts_engine="piper", tts_engine_options=options)
        with closing(create_engine("piper", settings, NoProfiles(), None)) as engine:
            assert len(speak(engine, TEXT))

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({}, "type .venv/bin/python -m bot models download piper-joe"),
            ({"voice": {"model_file": "nowhere.onnx"}}, "piper's voice nowhere.onnx is not there"),
            ({"voice": "joe"}, '"model_file": "data/models/VOICE.onnx"'),
            ({"voice": {"file": "x"}}, "'file' is not a voice's option of piper; it has model_file, config_file"),
            ({"model": "x"}, "'model' is not an option of piper; it has voice, piper_path, debug"),
        ],
    )
    def test_unusable_options_are_refused(self, options: dict[str, Any], said: str) -> None:
        with pytest.raises(EngineError, match=said):
            create_piper(None, options, None)


def test_espeak_and_piper_take_turns_in_one_process(tmp_path: Path) -> None:
    """Both packages contain a copy of espeak-ng: neither may take the other's callback, voice or language."""
    settings = SpeechSettings.read(tts_engine="piper", piper_model=make_voice(tmp_path))
    piper, espeak = create_engines(settings, NoProfiles())
    with closing(piper), closing(espeak):
        voices = ("de", "fr-fr", "en-us")
        wanted = speak(piper, TEXT)
        lengths = [len(speak(espeak, TEXT, SpeechParameters(voice=voice))) for voice in voices]
        for _ in range(5):
            for voice, length in zip(voices, lengths, strict=True):
                # espeak-ng's sound differs slightly each time, and much more in another language.
                assert len(speak(espeak, TEXT, SpeechParameters(voice=voice))) == pytest.approx(length, rel=0.02)
                np.testing.assert_array_equal(speak(piper, TEXT), wanted)
        both = [threading.Thread(target=_over_and_over, args=(engine,)) for engine in (piper, espeak)]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
        np.testing.assert_array_equal(speak(piper, TEXT), wanted)


def _over_and_over(engine: Any) -> None:
    for _ in range(10):
        assert len(speak(engine, TEXT))
