"""The voices of the end-of-turn benchmark: espeak-ng's, natural voices and a recorded person, 40 sentences of each.

Natural and recorded sentences are spoken whole and cut at their own inner pauses, since what somebody says before a
pause sounds different from a sentence that is over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np

from audio.level import rms, rms_of_frames
from benchmarks.end_of_turn_recorded import RECORDED
from benchmarks.end_of_turn_sentences import NATURAL_SENTENCES, SENTENCES, Sentence
from benchmarks.end_of_turn_speech import VOICED_LEVEL, Espeak, SentenceSpeaker, SpokenPart, SpokenSentence
from benchmarks.speakers.natural import NaturalSpeech, SpeakerLine
from benchmarks.speakers.recorded import RecordedSentence, read_sentence, recordings
from benchmarks.speakers.weights import SpeakersError, kokoro_files
from sandbox.speech import GuestVoice, RepeatableEspeak
from sandbox.voice.opus import SAMPLE_RATE, Sound

PEOPLE = 4
ESPEAK_VOICES = {
    "English": ("English (America)", "English (Great Britain)", "English (Scotland)", "English (Caribbean)"),
    "German": ("German",),
    "French": ("French (France)",),
    "Spanish": ("Spanish (Spain)",),
}
NATURAL_VOICES = {
    "English": ("af_heart", "am_michael", "bf_emma", "bm_george"),
    "French": ("ff_siwis",),
    "Spanish": ("ef_dora", "em_alex"),
}
SHORTEST_PAUSE = 0.05
"""Least silence in seconds within a sentence that counts as a pause of the speaker."""
NEAR = 0.15
"""A pause is searched for within this distance of its expected place, as a share of the sentence's length."""
_STEP = SAMPLE_RATE // 100
_MARKS = (",", ".", "?", "!", ":", ";", "…")


class Voices(Protocol):
    """Voices that say 40 sentences, ten by each of four people."""

    def person(self, number: int, random: np.random.Generator) -> SentenceVoice:
        """The person with this number, 0 to 3. ``random`` decides the random properties of their voice."""
        ...


class SentenceVoice(Protocol):
    """The voice of one person."""

    def say(self, sentence: int, *, paused: bool) -> SpokenSentence:
        """Say a sentence by its number, 0 to 39, from its first voiced sample to its last.

        Args:
            sentence: the number.
            paused: whether the pauses will be lengthened later. Only to espeak-ng's voices this makes a difference.
        """
        ...


class EspeakVoices:
    """Voices of espeak-ng. If there are pauses, they speak each part of a sentence as if it were a whole sentence."""

    def __init__(self, library: Espeak | None = None) -> None:
        self._library = library or RepeatableEspeak()

    def person(self, number: int, random: np.random.Generator) -> SentenceVoice:
        """A voice with a speed and a pitch of its own."""
        rate, pitch = int(random.integers(130, 190)), int(random.integers(30, 70))
        return _EspeakVoice(self._library, number, rate, pitch)


class _EspeakVoice:
    def __init__(self, library: Espeak, number: int, rate: int, pitch: int) -> None:
        self._library = library
        self._number = number
        self._rate = rate
        self._pitch = pitch

    def say(self, sentence: int, *, paused: bool) -> SpokenSentence:
        text = SENTENCES[sentence]
        names = ESPEAK_VOICES[text.language]
        voice = GuestVoice(names[self._number % len(names)], self._rate, self._pitch)
        parts = text.parts() if paused else [text.plain]
        return SentenceSpeaker(self._library, voice).say(parts, [0.0] * (len(parts) - 1), 0.0)


class NaturalVoices:
    """Kokoro's speakers. They read each marked pause as a comma.

    Args:
        cache: the folder of Kokoro's files, and of speech that was made before. What is missing is downloaded or made.
    """

    def __init__(self, cache: Path) -> None:
        self._speech = NaturalSpeech(kokoro_files(cache / "kokoro"), cache / "speech")

    def person(self, number: int, random: np.random.Generator) -> SentenceVoice:
        """One speaker for each language."""
        return _NaturalVoice(self._speech, number)


class _NaturalVoice:
    def __init__(self, speech: NaturalSpeech, number: int) -> None:
        self._speech = speech
        self._number = number

    def say(self, sentence: int, *, paused: bool) -> SpokenSentence:
        text = NATURAL_SENTENCES[sentence]
        speakers = NATURAL_VOICES[text.language]
        sound = self._speech.say(SpeakerLine(speakers[self._number % len(speakers)], with_commas(text)))
        return cut_at_pauses(sound, text.parts())


class RecordedVoices:
    """Sentences of the recordings that :mod:`benchmarks.speakers.recorded` downloads, all by one person.

    They are the first 40 sentences of :data:`RECORDED` in which the person pauses where a pause is marked.

    Args:
        cache: the folder of downloaded files. What is missing there is downloaded.

    Raises:
        SpeakersError: the recordings can't be downloaded, or too few of them have pauses.
    """

    def __init__(self, cache: Path) -> None:
        files = recordings(cache / "debian")
        self._paused = list(islice(_paused_sentences(files), len(SENTENCES)))
        if len(self._paused) < len(SENTENCES):
            raise SpeakersError(
                f"{len(SENTENCES)} recorded sentences with a pause are needed, and there are only {len(self._paused)}"
            )

    def person(self, number: int, random: np.random.Generator) -> SentenceVoice:
        """The person of the recordings. There is only one, so the number has no effect."""
        return self

    def say(self, sentence: int, *, paused: bool) -> SpokenSentence:
        """A sentence as it was recorded; see :meth:`SentenceVoice.say`."""
        return self._paused[sentence]


def _paused_sentences(files: Mapping[str, Path]) -> Iterator[SpokenSentence]:
    """The recorded sentences in which the person pauses, cut at the pauses."""
    for name, texts in RECORDED.items():
        sentences = [Sentence("English", text) for text in texts]
        whole = cut_at_pauses(read_sentence(RecordedSentence("", files[name])), [one.plain for one in sentences])
        if len(whole.parts) < len(sentences):
            continue
        for part, sentence in zip(whole.parts, sentences, strict=True):
            spoken = cut_at_pauses(whole.sound[part.begin : part.end], sentence.parts())
            if len(spoken.parts) > 1:
                yield spoken


def with_commas(sentence: Sentence) -> str:
    """The text of a sentence with a comma wherever a pause is marked without a punctuation mark."""
    parts = sentence.parts()
    return " ".join([*(part if part.endswith(_MARKS) else f"{part}," for part in parts[:-1]), parts[-1]])


def cut_at_pauses(sound: Sound, parts: Sequence[str]) -> SpokenSentence:
    """Find the parts of a sentence in its sound, by the length of their words and by the silences between them.

    Parts without a silence between them are joined. Silence around the words is cut off.
    """
    voiced = np.flatnonzero(rms_of_frames(sound, _STEP) >= VOICED_LEVEL)
    sound = sound[voiced[0] * _STEP : (voiced[-1] + 1) * _STEP]
    silences = _silences(sound)
    letters = np.cumsum([sum(map(str.isalnum, part)) for part in parts])
    spoken: list[SpokenPart] = []
    words, begin = "", 0
    for part, share in zip(parts, letters / letters[-1], strict=True):
        words = f"{words} {part}".strip()
        pause = None if share == 1 else _longest_near(silences, begin, share * len(sound), NEAR * len(sound))
        if pause is not None:
            spoken.append(SpokenPart(words, begin, pause[0]))
            words, begin = "", pause[1]
    return SpokenSentence(sound, [*spoken, SpokenPart(words, begin, len(sound))])


def with_pauses(sentence: SpokenSentence, pauses: Sequence[float], release: float) -> SpokenSentence:
    """Lengthen the pauses between a sentence's parts, and add ``release`` seconds of silence after it.

    The added sound is noise as quiet as the quietest part of the pause. A pause that is long enough stays as it is.
    """
    pieces: list[Sound] = []
    spoken: list[SpokenPart] = []
    at = 0
    for number, part in enumerate(sentence.parts):
        last = number == len(sentence.parts) - 1
        following = len(sentence.sound) if last else sentence.parts[number + 1].begin
        gap = sentence.sound[part.end : following]
        missing = max(0, round((release if last else pauses[number]) * SAMPLE_RATE) - len(gap))
        middle = len(gap) if last else len(gap) // 2
        spoken.append(replace(part, begin=at, end=at + part.end - part.begin))
        piece = [sentence.sound[part.begin : part.end], gap[:middle], _room(gap, missing, number), gap[middle:]]
        pieces += piece
        at += sum(map(len, piece))
    return SpokenSentence(np.concatenate(pieces), spoken)


def _silences(sound: Sound) -> list[tuple[int, int]]:
    """The silences within a sound, as their first sample and the sample after their last."""
    loud = np.flatnonzero(rms_of_frames(sound, _STEP) >= VOICED_LEVEL)
    gaps = np.flatnonzero(np.diff(loud) > SHORTEST_PAUSE * SAMPLE_RATE / _STEP)
    return [(int(loud[gap] + 1) * _STEP, int(loud[gap + 1]) * _STEP) for gap in gaps]


def _longest_near(
    silences: Sequence[tuple[int, int]], after: int, middle: float, within: float
) -> tuple[int, int] | None:
    near = [one for one in silences if one[0] > after and abs((one[0] + one[1]) / 2 - middle) <= within]
    return max(near, key=lambda one: one[1] - one[0], default=None)


def _room(gap: Sound, samples: int, seed: int) -> Sound:
    levels = [rms(gap[at : at + _STEP]) for at in range(0, len(gap) - _STEP + 1, _STEP)]
    noise = np.random.default_rng(seed).normal(0, min(levels, default=0.0), samples)
    return noise.astype(np.float32)
