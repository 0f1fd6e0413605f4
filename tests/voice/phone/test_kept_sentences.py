"""A voice that costs money speaks each sentence for the telephone once, also over restarts of the bot."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from audio.samples import SPEAKING_RATE
from bot.llm.spoken_lines import PhoneSentence, load_spoken_lines
from bot.voice.phone.kept_sentences import KEPT_SECONDS, MAX_BYTES, MAX_FILES, KeptSentences
from bot.voice.phone.sentences import Sentences
from tests.timing import Clock
from tests.voice.phone.test_sentences import Voice

LINES = load_spoken_lines()
SOUND = np.full(SPEAKING_RATE // 5, 0.3, np.float32)


def sentences(
    voice: Voice, folder: Path, manner: str = "calm", known_as: str = "openai", *, paid: bool = True
) -> Sentences:
    """The sentences of a bot that has just started."""
    files = KeptSentences(folder / "phone_sentences", known_as)
    return Sentences(voice.speak, lambda each: LINES.sentence(each, None), lambda: manner, files, lambda: paid)


async def test_a_voice_that_costs_money_speaks_each_sentence_once_over_restarts(tmp_path: Path) -> None:
    voice = Voice()
    await sentences(voice, tmp_path).prepare()
    assert len(voice.spoken) == len(PhoneSentence)
    after = sentences(voice, tmp_path)
    voice.there = False
    await after.prepare()
    assert len(voice.spoken) == len(PhoneSentence)
    kept = after.ready(PhoneSentence.LIMIT)
    assert kept is not None, "also while the voice is away"
    assert kept == pytest.approx(SOUND, abs=1e-4)


@pytest.mark.parametrize("other", [("angry", "openai"), ("calm", "elevenlabs")], ids=["manner", "voice"])
async def test_for_another_voice_or_manner_the_sentences_are_spoken_anew(
    tmp_path: Path, other: tuple[str, str]
) -> None:
    voice = Voice()
    for manner, known_as in (("calm", "openai"), other) * 2:
        await sentences(voice, tmp_path, manner, known_as).prepare()
    assert len(voice.spoken) == 2 * len(PhoneSentence)


async def test_sentences_of_a_voice_that_costs_nothing_are_not_kept(tmp_path: Path) -> None:
    voice = Voice()
    for _ in range(2):
        await sentences(voice, tmp_path, paid=False).prepare()
    assert len(voice.spoken) == 2 * len(PhoneSentence)
    assert not (tmp_path / "phone_sentences").exists()


@pytest.mark.parametrize("content", [b"", b"\0", bytes(MAX_BYTES + 2)], ids=["empty", "cut off", "too large"])
async def test_a_damaged_file_is_made_anew(tmp_path: Path, content: bytes) -> None:
    voice = Voice()
    await sentences(voice, tmp_path).prepare()
    path = next((tmp_path / "phone_sentences").iterdir())
    path.write_bytes(content)
    for _ in range(2):
        await sentences(voice, tmp_path).prepare()
    assert len(voice.spoken) == len(PhoneSentence) + 1


async def test_if_the_folder_can_not_be_written_the_sentences_are_spoken_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "phone_sentences").write_text("no folder")
    made = sentences(Voice(), tmp_path)
    await made.prepare()
    assert made.ready(PhoneSentence.PIN) is not None


async def test_a_sentence_that_a_caller_needed_at_once_is_kept_later(tmp_path: Path) -> None:
    voice = Voice()
    first = sentences(voice, tmp_path)
    await first.sound(PhoneSentence.PIN)
    assert not (tmp_path / "phone_sentences").exists(), "the caller does not wait for a file"
    await first.prepare()
    await sentences(voice, tmp_path).prepare()
    assert len(voice.spoken) == len(PhoneSentence)


def test_old_files_and_files_beyond_the_limit_are_not_used(tmp_path: Path) -> None:
    clock = Clock(1_000_000.0)
    files = KeptSentences(tmp_path, "openai", clock)
    for number in range(MAX_FILES + 1):
        files.write(f"Sentence {number}.", "calm", SOUND[:10])
        os.utime(files._path(f"Sentence {number}.", "calm"), (clock.now, clock.now))
        clock.now += 1.0
    files.write("The newest.", "calm", SOUND)
    assert len(list(tmp_path.iterdir())) == MAX_FILES
    assert files.read("Sentence 0.", "calm") is None
    assert files.read("Sentence 100.", "calm") is not None
    clock.now += KEPT_SECONDS
    assert files.read("Sentence 100.", "calm") is None
