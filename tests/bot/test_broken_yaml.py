"""Broken YAML files of the operator and of the project: each is refused with its path and the fault, in one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.llm.small_limits import SmallLimits, SmallLimitsError
from bot.llm.small_model import SmallPromptError, load_small_prompts
from bot.voice.transcribe.corrections import Corrections, CorrectionsError
from bot.voice.transcribe.hallucinations import HallucinationFilter, HallucinationsError
from bot.voice.tts.moods import MoodsError, load_moods
from bot.voice.turns.end_of_turn import EndingsError, read_endings
from bot.voice.utterances.voice_commands import (
    MoodWordsError,
    VoiceCommandsError,
    load_command_phrases,
    load_mood_words,
)
from bot.voice.utterances.word_lists import Backchannels, BackchannelsError
from bot.voices.introductions import IntroductionsError, load_introductions
from config.reasons import BrokenFileError

NESTED = "[" * 10_000
NO_DATE = "2026-99-99"
NOT_YAML = "it is not YAML from line 1 on"
CONTENT = "its content is not as it has to be"
COMMANDS = "polite: {}\nleave: {en: [leave]}\nrepeat me: {}\n"


@dataclass(frozen=True)
class Kind:
    """One kind of file.

    Attributes:
        load: reads the file.
        error: the error for a broken file.
        faults: the fault that the error reports, by the content of the file.
        refusal: the words between the path and the fault.
        before: the words before the path.
    """

    load: Callable[[Path], object]
    error: type[BrokenFileError]
    faults: dict[str, str]
    refusal: str = " can't be used: "
    before: str = ""


KINDS = {
    "limits of small models": Kind(
        SmallLimits,
        SmallLimitsError,
        {
            "en: }": NOT_YAML,
            "en: {polite: [please]}": "en.tools is not as it has to be",
        },
    ),
    "prompts of small models": Kind(
        load_small_prompts,
        SmallPromptError,
        {
            "en: }": NOT_YAML,
            "de: {system: Du bist {bot}.}": NOT_YAML,
            "de: {system: Du bist hier.}": "the language 'en' is missing",
            "en: {sytem: You are here.}": "en.system is not as it has to be",
            "- en": CONTENT,
        },
    ),
    "introductions": Kind(
        load_introductions,
        IntroductionsError,
        {
            "named: {en: Hello}": "nameless is not as it has to be",
            "named: {de: Hallo}\nnameless: {en: Hello}": "named: the language 'en' is missing",
            "named: [": NOT_YAML,
            "- Hello": CONTENT,
            f"named: {{en: {NO_DATE}}}\nnameless: {{en: Hello}}": CONTENT,
            NESTED: "it is not YAML",
        },
    ),
    "words at the end of a turn": Kind(
        read_endings,
        EndingsError,
        {
            "english: {never: [and, 7]}": "english.never.1 is not as it has to be",
            "english: [and]": "english is not as it has to be",
            "english: {never: [and": NOT_YAML,
            "": CONTENT,
            f"english: {{never: [{NO_DATE}]}}": CONTENT,
        },
    ),
    "spoken commands": Kind(
        load_command_phrases,
        VoiceCommandsError,
        {
            COMMANDS + "stop: {en: [no]}": " can't be used: stop.en.0 is not as it has to be",
            COMMANDS + "stop: [halt]": " can't be used: stop is not as it has to be",
            COMMANDS + "stop: {en: ['!']}": " has a phrase without words",
            COMMANDS + "stop: {en: [leave]}": " gives two meanings to 'leave'",
            COMMANDS + "stop: {en: [halt]}\nlouder: {}": " can't be used: louder is not as it has to be",
            COMMANDS + "stop: {en: [halt": " can't be used: it is not YAML from line 4 on",
            COMMANDS + "stop: {}\nmood: {en: [be]}": " can't be used: mood: 'be' needs one {}",
            COMMANDS + "stop: {}\npersona: {en: ['{} {}']}": " can't be used: persona: '{} {}' needs one {}",
        },
        refusal="",
    ),
    "words for moods": Kind(
        load_mood_words,
        MoodWordsError,
        {
            "sad: [x]": "sad is not as it has to be",
            "sad: {en: x}": "sad.en is not as it has to be",
            "- sad": CONTENT,
            "sad: {en: [x": NOT_YAML,
        },
    ),
    "backchannels": Kind(
        Backchannels,
        BackchannelsError,
        {
            "en: [yes]": "en.0 is not as it has to be",
            "[mhm]": CONTENT,
            "en: [": NOT_YAML,
            "en: mhm": "en is not as it has to be",
            f"en: [{NO_DATE}]": CONTENT,
            NESTED: "it is not YAML",
        },
    ),
    "sounds of moods": Kind(
        load_moods,
        MoodsError,
        {
            "sleepy: {speed: 3}": ": sleepy.speed: Input should be less than or equal to 2",
            "sleepy: {pitch_shift: -13}": ": sleepy.pitch_shift: ",
            "sleepy: {preset: ../calm}": ": sleepy.preset: ",
            "sleepy: {tempo: 1}": ": sleepy.tempo: Extra inputs",
            "sleepy: calm": ": sleepy: ",
            "- sleepy": ": : Input should be a valid dictionary",
            "sleepy: {": f" can't be read: {NOT_YAML}",
        },
        refusal="",
    ),
    "phrases of hallucinations": Kind(
        HallucinationFilter,
        HallucinationsError,
        {"credits: 7": "credits is not as it has to be", "credits: [": NOT_YAML},
    ),
    "corrections": Kind(
        Corrections.read,
        CorrectionsError,
        {
            "- a\n- b\n": ' must hold lines like "say you: Seiyuu"',
            "yes: no\n": ": True: False must both be text",
            "a: [1]\n": ": 'a': [1] must both be text",
            "a: b: c\n": f" can't be read: {NOT_YAML}",
            '"": x\n': ": the recognised words before 'x' are empty",
        },
        refusal="",
        before="STT_CORRECTIONS: ",
    ),
}


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        pytest.param(kind, content, id=f"{name}-{content[:30]}")
        for name, kind in KINDS.items()
        for content in kind.faults
    ],
)
def test_a_broken_file_is_refused_with_its_path_and_the_fault(tmp_path: Path, kind: Kind, content: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(kind.error) as refused:
        kind.load(path)
    assert str(refused.value).startswith(f"{kind.before}{path}{kind.refusal}{kind.faults[content]}")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_missing_file_is_named(tmp_path: Path, kind: Kind) -> None:
    with pytest.raises(kind.error, match=r"none\.yaml can't be (used|read): there is no such file"):
        kind.load(tmp_path / "none.yaml")
