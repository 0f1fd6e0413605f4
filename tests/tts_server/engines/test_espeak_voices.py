"""espeak-ng's voices: every listed one can speak, and people can name them in familiar ways."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest

from audio.espeak import load_espeak
from tests.tts_server.engines.speaking import speak
from tts_server.engines import espeak
from tts_server.engines.realtime_tts.engine import RealtimeTtsEngine
from tts_server.voices.profile import UnknownVoiceError
from wire.parameters import SpeechParameters


@pytest.fixture
def engine() -> Iterator[RealtimeTtsEngine]:
    with closing(_engine(None)) as made:
        yield made


def _engine(voice: str | None) -> RealtimeTtsEngine:
    return RealtimeTtsEngine(espeak.EspeakEngine(load_espeak()), voice, espeak.TRAITS)


def test_every_voice_that_is_listed_speaks(engine: RealtimeTtsEngine) -> None:
    silent = []
    for voice in engine.voices():
        sound = speak(engine, "one 1 Ada", SpeechParameters(voice=voice.id))
        if np.abs(sound).max(initial=0.0) < 0.05:
            silent.append(voice.id)
    assert silent == []
    assert len(engine.voices()) > 130


def test_no_voice_is_listed_twice(engine: RealtimeTtsEngine) -> None:
    ids = [voice.id for voice in engine.voices()]
    assert len(ids) == len(set(ids))
    assert {"en-gb", "en-us", "fr-fr", "yue", "yue-latn-jyutping", "cmn", "de"} <= set(ids)
    assert not {"xex", "fo", "kaa"} & set(ids), "their rules did not come with the library, so they would say nothing"


@pytest.mark.parametrize("language", ["en-gb", "fr-fr", "fr-FR", "chr-US-Qaaa-x-west"])
def test_the_tag_of_a_language_chooses_its_voice(engine: RealtimeTtsEngine, language: str) -> None:
    voice = engine.resolve(None, language)
    assert voice.id == language.lower()
    assert len(speak(engine, "one", SpeechParameters(voice=voice.id))) > 1000


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ("en", "en-us"),
        ("english", "en-us"),
        ("English", "en-us"),
        ("fr", "fr-fr"),
        ("FRENCH", "fr-fr"),
        ("zh", "cmn"),
        ("Chinese", "cmn"),
        ("mandarin", None),
        ("no", "nb"),
        ("norwegian", "nb"),
        ("pt-PT", "pt"),
        ("es_MX", "es-419"),
        ("spanish", "es"),
        ("de-AT", "de"),
        ("zh_TW", "cmn"),
        ("german", "de"),
        ("De", "de"),
        ("EN-US", "en-us"),
        ("en_GB", "en-gb"),
        ("french (belgium)", "fr-be"),
        ("English (Great Britain)", "en-gb"),
        ("en-us+f3", "en-us+f3"),
        ("EN-GB+F3", "en-gb+f3"),
        ("german+Whisper", "de+whisper"),
        ("en-us+nonsense", None),
        ("nobody", None),
        ("", None),
    ],
)
def test_a_voice_is_found_by_its_common_names(engine: RealtimeTtsEngine, named: str, meant: str | None) -> None:
    if meant is None:
        with pytest.raises(UnknownVoiceError, match=f"there is no voice '{named.replace('+', '.')}'"):
            engine.resolve(named, None)
    else:
        assert engine.resolve(named, None).id == meant


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("fr-ca", "there is no voice 'fr-ca'; French: fr-fr, fr-be, fr-ch"),
        ("germn", "there is no voice 'germn'; near it: de"),
        ("frnch", "there is no voice 'frnch'; French: fr-fr, fr-be, fr-ch"),
        ("portugese", "there is no voice 'portugese'; Portuguese: pt, pt-br"),
        ("en-uk", "there is no voice 'en-uk'; English: en-gb, en-us, en-gb-scotland, "),
        ("nobody", "there is no voice 'nobody'; there are 138, for example en-gb, de, fr-fr, es, ja"),
        ("Swiss French", "there is no voice 'Swiss French'; near it: fr-fr, fr-be, fr-ch"),
        ("brazilian", "there is no voice 'brazilian'; near it: pt-br"),
        ("de+nonsense", "there is no voice 'de+nonsense'; near it: de"),
    ],
)
def test_a_mistyped_voice_gets_similar_suggestions(engine: RealtimeTtsEngine, named: str, said: str) -> None:
    with pytest.raises(UnknownVoiceError) as caught:
        engine.resolve(named, None)
    assert str(caught.value).startswith(said)


def test_no_name_has_blanks_around_it(engine: RealtimeTtsEngine) -> None:
    assert [voice.name for voice in engine.voices() if voice.name != voice.name.strip()] == []


def test_the_default_voice_may_be_named_in_familiar_ways_too() -> None:
    for named, meant in (("en-gb", "en-gb"), ("german", "de"), ("fr", "fr-fr"), ("en", "en-us"), (None, "en-us")):
        with closing(_engine(named)) as engine:
            assert engine.resolve(None, None).id == meant
            assert len(speak(engine, "one")) > 1000


def test_a_variant_sounds_different(engine: RealtimeTtsEngine) -> None:
    plain, varied = (speak(engine, "one", SpeechParameters(voice=voice)) for voice in ("en-us", "en-us+f3"))
    assert len(plain) != len(varied) or not np.allclose(plain, varied)
