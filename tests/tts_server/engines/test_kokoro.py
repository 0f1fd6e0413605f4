"""The Kokoro engine with toy weights: speakers, languages, speed, stops and errors."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from config.speech_settings import SpeechSettings
from tests.tts_server.client import running
from tests.tts_server.dsp.measures import frequency
from tests.tts_server.engines.speaking import PLAIN, speak
from tests.tts_server.engines.toy_kokoro import COLUMN, HUM_HZ, RATE, SPEAKERS, make_weights, network, seconds
from tests.tts_server.engines.toy_piper import make_voice
from tests.tts_server.spelling_engine import SpellingEngine
from tts_server.engines.base import EngineError
from tts_server.engines.factory import create_engine, create_engines
from tts_server.engines.kokoro.engine import KokoroEngine
from tts_server.engines.kokoro.factory import create_kokoro
from tts_server.engines.kokoro.phonemes import PhonemeReader
from tts_server.voices.profile import NoProfiles, UnknownVoiceError
from wire.messages import EngineChanged
from wire.parameters import SpeechParameters

TEXT = "Hello there, how are you today?"
LONG = "The train leaves at nine from the old station, and if it rains we take the bus instead. " * 20


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KokoroEngine]:
    """A shared engine, for tests that only speak with it."""
    with closing(create_kokoro(make_weights(tmp_path_factory.mktemp("weights")), {}, None)) as engine:
        yield engine


def test_a_text_becomes_sound_as_long_as_its_phonemes(engine: KokoroEngine) -> None:
    heard = speak(engine, "Hello there")
    assert engine.sample_rate == RATE
    # 10 phonemes of "həlˈO ðˈɛɹ", and a padding symbol before and after them.
    assert len(heard) / RATE == pytest.approx(seconds(10 + 2), abs=0.04)
    assert frequency(heard, RATE) == pytest.approx(HUM_HZ, rel=0.02)


@pytest.mark.parametrize("speed", [0.5, 2.0])
def test_kokoro_changes_the_speed_itself_and_keeps_the_pitch(engine: KokoroEngine, speed: float) -> None:
    usual, changed = speak(engine, "Hello there"), speak(engine, "Hello there", SpeechParameters(speed=speed))
    assert len(changed) == pytest.approx(len(usual) / speed, abs=4 * COLUMN)
    assert frequency(changed, RATE) == pytest.approx(HUM_HZ, rel=0.02)


def test_after_a_stop_no_sound_follows_and_the_next_text_is_whole(engine: KokoroEngine) -> None:
    wanted = len(speak(engine, TEXT))
    for _ in range(20):
        stop = threading.Event()
        chunks = engine.synthesize(LONG, engine.resolve(None, None), PLAIN, stop)
        assert len(next(chunks))
        stop.set()
        assert list(chunks) == []
        assert len(speak(engine, TEXT)) == wanted


def test_a_sentence_ends_with_a_longer_pause_than_a_clause(engine: KokoroEngine) -> None:
    sentence, clause = speak(engine, "Hello there."), speak(engine, "Hello there,")
    assert not np.any(sentence[-round(0.2 * RATE) :])
    assert np.any(clause[-round(0.2 * RATE) :])
    assert not np.any(clause[-round(0.05 * RATE) :])


@pytest.mark.parametrize("text", ["", "…", "   ", "\0\1\2", "?!"])
def test_a_text_without_sounds_gives_no_sound(engine: KokoroEngine, text: str) -> None:
    assert not len(speak(engine, text))


@pytest.mark.parametrize("text", ["[[hello]]", "a\0b\x1b[0m", "one\ntwo", "x" * 3_000, "word " * 1_000])
def test_hostile_text_is_spoken_as_text(engine: KokoroEngine, text: str) -> None:
    assert len(speak(engine, text))


class TestPhonemes:
    @pytest.mark.parametrize(
        ("language", "text", "phonemes"),
        [
            ("en-us", "I know a boy, no doubt.", "I nˈO ə bˈY, nˈO dˈWt."),
            ("en-us", "nurse", "nˈɜɹs"),
            ("en-gb", "nurse", "nˈɜːs"),
            ("en-gb", "go", "ɡˈQ"),
            ("es", "mucho", "mˈuʧo"),
            ("it", "pizza", "pˈiʦːa"),
        ],
    )
    def test_phonemes_are_those_that_kokoro_has_learned(self, language: str, text: str, phonemes: str) -> None:
        assert PhonemeReader().read(text, language) == phonemes

    def test_language_marks_of_espeak_around_foreign_words_are_not_spoken(self) -> None:
        read = PhonemeReader().read("Il aime le football et le week-end.", "fr")
        assert "(" not in read
        assert read.endswith(".")


class TestVoices:
    def test_voices_have_ids_and_languages_and_are_found_by_their_names(self, engine: KokoroEngine) -> None:
        assert [voice.id for voice in engine.voices()] == [f"kokoro:{name}" for name in SPEAKERS]
        assert {voice.name: voice.language for voice in engine.voices()} == {
            **dict.fromkeys(("af_heart", "af_sky", "am_adam"), "en-us"),
            "bf_emma": "en-gb",
            "ef_dora": "es",
            "em_alex": "es",
            "ff_siwis": "fr",
            "hf_alpha": "hi",
            "pm_santa": "pt-br",
        }
        for name in ("kokoro:am_adam", "am_adam", "AM_Adam", "adam"):
            assert engine.resolve(name, None).name == "am_adam"
        with pytest.raises(UnknownVoiceError, match="there is no voice 'kokoro:nobody'"):
            engine.resolve("kokoro:nobody", None)

    @pytest.mark.parametrize(
        ("asked", "language", "found"),
        [
            (None, None, "af_heart"),
            (None, "en-GB", "bf_emma"),
            (None, "es", "ef_dora"),
            (None, "es-MX", "ef_dora"),
            (None, "pt", "pm_santa"),
            ("fr", None, "ff_siwis"),
            ("am_adam", "en", "am_adam"),
            ("bf_emma", "en-US", "bf_emma"),
            # A speaker of the text's language, of the same gender if there is one.
            ("af_sky", "es", "ef_dora"),
            ("am_adam", "es", "em_alex"),
            ("am_adam", "fr", "ff_siwis"),
            ("em_alex", "en", "am_adam"),
            ("ef_dora", "en", "af_heart"),
        ],
    )
    def test_the_voice_follows_the_language(
        self, engine: KokoroEngine, asked: str | None, language: str | None, found: str
    ) -> None:
        assert engine.resolve(asked, language).name == found

    def test_the_speaker_in_the_settings_is_the_default(self, tmp_path: Path) -> None:
        with closing(create_kokoro(make_weights(tmp_path), {}, "bf_emma")) as engine:
            assert engine.resolve(None, None).name == "bf_emma"
            assert engine.resolve(None, "fr").name == "ff_siwis"
        with pytest.raises(UnknownVoiceError, match="there is no voice 'nobody'"):
            create_kokoro(make_weights(tmp_path), {}, "nobody")

    @pytest.mark.parametrize("voice", [None, "af_heart"])
    def test_a_language_that_kokoro_cannot_speak_is_refused(self, engine: KokoroEngine, voice: str | None) -> None:
        with pytest.raises(UnknownVoiceError, match="'de'"):
            engine.resolve(voice, "de")
        for language, name in (("ja", "Japanese"), ("zh-CN", "Chinese"), ("cmn", "Chinese")):
            with pytest.raises(UnknownVoiceError, match=f"kokoro does not speak {name} here, because"):
                engine.resolve(voice, language)

    def test_speakers_of_japanese_and_chinese_are_left_out_and_the_error_says_why(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        weights = make_weights(tmp_path, ("af_heart", "jf_alpha", "zm_yunxi", "notes"))
        with closing(create_kokoro(weights, {}, None)) as engine:
            assert [voice.name for voice in engine.voices()] == ["af_heart"]
            with pytest.raises(UnknownVoiceError, match="'kokoro:jf_alpha': kokoro does not speak Japanese here"):
                engine.resolve("kokoro:jf_alpha", None)
        assert "notes.bin is left out" in caplog.text
        assert "jf_alpha" not in caplog.text

    def test_each_speaker_has_its_own_style(self, engine: KokoroEngine) -> None:
        levels = [float(np.abs(speak(engine, TEXT, SpeechParameters(voice=name))).max()) for name in SPEAKERS[:4]]
        assert levels == sorted(levels)
        assert len(set(levels)) == len(levels)


class TestFaults:
    def test_the_error_for_missing_weights_names_the_command_to_type(self) -> None:
        with pytest.raises(EngineError, match=r"type .*models download kokoro, or set KOKORO_MODEL"):
            create_kokoro(None, {}, None)

    @pytest.mark.parametrize(
        ("missing", "said"),
        [("kokoro.onnx", "there is no network of Kokoro's"), ("voices", "there is no speaker of Kokoro's")],
    )
    def test_a_missing_file_is_named(self, tmp_path: Path, missing: str, said: str) -> None:
        make_weights(tmp_path)
        (tmp_path / missing).rename(tmp_path / "elsewhere")
        with pytest.raises(EngineError, match=said) as refused:
            create_kokoro(tmp_path, {}, None)
        assert str(tmp_path) in str(refused.value)
        assert "models download kokoro" in str(refused.value)

    @pytest.mark.parametrize("content", [b"", network()[:700], network("input"), b"PK\3\4" + bytes(1000)])
    def test_a_damaged_network_is_named(self, tmp_path: Path, content: bytes) -> None:
        (make_weights(tmp_path) / "kokoro.onnx").write_bytes(content)
        with pytest.raises(EngineError, match=r"kokoro\.onnx is damaged or is not a Kokoro network") as refused:
            create_kokoro(tmp_path, {}, None)
        assert "models repair kokoro" in str(refused.value)
        assert "\n" not in str(refused.value)

    def test_both_names_of_the_token_input_are_known(self, tmp_path: Path) -> None:
        (make_weights(tmp_path) / "kokoro.onnx").write_bytes(network("input_ids"))
        with closing(create_kokoro(tmp_path, {}, None)) as engine:
            assert len(speak(engine, TEXT))

    @pytest.mark.parametrize("content", [b"", bytes(1000), np.full((510, 256), np.nan, np.float32).tobytes(), None])
    async def test_a_damaged_speaker_does_not_affect_the_others(self, tmp_path: Path, content: bytes | None) -> None:
        file = make_weights(tmp_path) / "voices" / "ff_siwis.bin"
        engine, other = create_kokoro(tmp_path, {}, None), SpellingEngine("other")
        if content is None:
            file.unlink()
        else:
            file.write_bytes(content)
        async with running(engine, other) as server, server.connect() as client:
            for text, voice, spoken_by_other in (
                ("Bonjour à tous.", "ff_siwis", ["Bonjour à tous."]),
                ("Good morning.", "af_heart", []),
            ):
                other.texts.clear()
                await client.say(text, voice=voice)
                heard = await client.hear()
                assert heard.failure is None
                assert len(heard.samples) > 0
                assert other.texts == spoken_by_other
                assert server.pool.state() == EngineChanged("kokoro", "ready")

    def test_options_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(EngineError, match="kokoro has no options, so not 'voice' either; TTS_VOICE chooses"):
            create_kokoro(make_weights(tmp_path), {"voice": "af_heart"}, None)


class TestSettings:
    def test_downloaded_weights_need_no_setting(self, tmp_path: Path) -> None:
        make_weights(tmp_path / "weights" / "kokoro")
        own = make_weights(tmp_path / "own", ("am_own",))
        for count, settings in (
            (len(SPEAKERS), SpeechSettings.read(tts_engine="kokoro", cache_dir=tmp_path)),
            (1, SpeechSettings.read(tts_engine="kokoro", cache_dir=tmp_path, kokoro_model=own)),
        ):
            with closing(create_engine("kokoro", settings, NoProfiles(), None)) as engine:
                assert len(engine.voices()) == count

    def test_kokoro_stands_in_only_if_it_was_downloaded(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        settings = SpeechSettings.read(tts_engine="stand-in", cache_dir=tmp_path)
        assert _names(settings) == ["stand-in", "espeak-ng"]
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
        make_weights(tmp_path / "weights" / "kokoro")
        assert _names(settings) == ["stand-in", "kokoro", "espeak-ng"]
        assert _names(settings.model_copy(update={"tts_engine": "espeak"})) == ["espeak-ng"]
        with_piper = settings.model_copy(update={"piper_model": make_voice(tmp_path)})
        assert _names(with_piper) == ["stand-in", "piper", "kokoro", "espeak-ng"]

    def test_the_next_engine_speaks_while_kokoro_is_missing(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        settings = SpeechSettings.read(tts_engine="kokoro", cache_dir=tmp_path)
        kokoro, espeak = create_engines(settings, NoProfiles())
        assert (kokoro.loaded, espeak.name) == (False, "espeak-ng")
        assert "TTS_ENGINE=kokoro: kokoro's weights are not on this machine" in caplog.text
        make_weights(tmp_path / "weights" / "kokoro")
        kokoro.load(lambda progress: None)
        with closing(kokoro):
            assert len(speak(kokoro, TEXT))

    @pytest.mark.parametrize(
        ("voice", "order"),
        [
            ("ef_dora", ["kokoro", "piper", "espeak-ng"]),
            ("de", ["espeak-ng", "piper", "kokoro"]),
            ("toy", ["piper", "kokoro", "espeak-ng"]),
        ],
    )
    def test_the_engine_with_the_wanted_voice_comes_first(self, tmp_path: Path, voice: str, order: list[str]) -> None:
        make_weights(tmp_path / "weights" / "kokoro")
        settings = SpeechSettings.read(
            tts_engine="piper", cache_dir=tmp_path, piper_model=make_voice(tmp_path), tts_voice=voice
        )
        assert _names(settings) == order


def _names(settings: SpeechSettings) -> list[str]:
    engines = create_engines(settings, NoProfiles())
    for engine in engines:
        engine.close()
    return [engine.name for engine in engines]


def test_espeak_and_kokoro_take_turns_in_one_process(tmp_path: Path) -> None:
    """Both use espeak-ng's library: neither may take the other's callback, voice or language."""
    settings = SpeechSettings.read(tts_engine="kokoro", kokoro_model=make_weights(tmp_path))
    kokoro, espeak = create_engines(settings, NoProfiles())
    with closing(kokoro), closing(espeak):
        voices = ("de", "fr-fr", "en-us")
        wanted = {language: len(speak(kokoro, TEXT, SpeechParameters(language=language))) for language in ("en", "es")}
        lengths = [len(speak(espeak, TEXT, SpeechParameters(voice=voice))) for voice in voices]
        for _ in range(5):
            for voice, length in zip(voices, lengths, strict=True):
                # espeak-ng's sound differs slightly each time, and much more in another language.
                assert len(speak(espeak, TEXT, SpeechParameters(voice=voice))) == pytest.approx(length, rel=0.02)
                for language, samples in wanted.items():
                    assert len(speak(kokoro, TEXT, SpeechParameters(language=language))) == samples


def test_a_wrong_folder_is_reported_with_the_name_of_the_setting(tmp_path: Path) -> None:
    file = tmp_path / "hostname"
    file.write_text("here\n")
    for place, says in ((file, "is a file and not a folder"), (tmp_path, "is a folder without a network")):
        settings = SpeechSettings.read(tts_engine="kokoro", kokoro_model=place, tts_fallback="")
        with pytest.raises(EngineError, match=f"^KOKORO_MODEL={place} {says}.*Set KOKORO_MODEL to the folder with"):
            create_engines(settings, NoProfiles())
