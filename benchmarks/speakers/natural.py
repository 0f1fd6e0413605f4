"""Sentences spoken by Kokoro's speakers, at 48,000 Hz mono. Each is synthesised once and cached."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import onnxruntime
import soxr
from kokoro_onnx import Kokoro

from audio.decode import read_sound
from audio.encoders import write_audio_file
from audio.level import at_level
from benchmarks.speakers.trim import trimmed
from benchmarks.speakers.weights import KokoroFiles
from sandbox.speech import SPEECH_LEVEL
from sandbox.voice.opus import SAMPLE_RATE, Sound

RESERVED = frozenset({"af_nicole", "am_onyx", "bm_fable", "bf_lily"})
"""Speakers that are reserved for tests of this project by others. Nothing here may be tuned with them."""
_LANGUAGES = {"a": "en-us", "b": "en-gb", "e": "es", "f": "fr-fr", "h": "hi", "i": "it", "p": "pt-br"}
"""Languages by the first letter of a speaker's name. Lines of Japanese and Chinese speakers need phonemes instead."""


@dataclass(frozen=True, slots=True)
class SpeakerLine:
    """A sentence and the name of the speaker who says it, such as ``af_heart``.

    ``phonemes`` are how it is said; if they are empty, espeak-ng works them out.
    """

    speaker: str
    text: str
    phonemes: str = ""

    def __post_init__(self) -> None:
        if self.speaker in RESERVED:
            raise ValueError(f"{self.speaker} is reserved for tests by others")


class NaturalSpeech:
    """Speaks lines. Each sound is cached as a FLAC file in ``folder``.

    A new line blocks for about half the length of its sound.
    """

    def __init__(self, files: KokoroFiles, folder: Path) -> None:
        self._files = files
        self._folder = folder

    def say(self, line: SpeakerLine) -> Sound:
        """Speak a line, without silence around it, at :data:`~sandbox.speech.SPEECH_LEVEL`."""
        said = f"{line.text}\n{line.phonemes}" if line.phonemes else line.text
        name = hashlib.sha256(f"{line.speaker}\n{said}".encode()).hexdigest()[:32]
        path = self._folder / f"{name}.flac"
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_name(f"{name}.part.flac")
            write_audio_file(unfinished, self._synthesise(line), SAMPLE_RATE, "flac")
            unfinished.replace(path)
        return read_sound(path, SAMPLE_RATE)

    def _synthesise(self, line: SpeakerLine) -> Sound:
        if line.phonemes:
            samples, rate = self._kokoro.create(line.phonemes, voice=line.speaker, is_phonemes=True)
        else:
            samples, rate = self._kokoro.create(line.text, voice=line.speaker, lang=_LANGUAGES[line.speaker[0]])
        sound: Sound = soxr.resample(trimmed(samples), rate, SAMPLE_RATE).astype(np.float32)
        return at_level(sound, SPEECH_LEVEL)

    @cached_property
    def _kokoro(self) -> Kokoro:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = os.cpu_count() or 1
        # Threads that spin while they wait would take the processor from other programs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = onnxruntime.InferenceSession(str(self._files.model), options, providers=["CPUExecutionProvider"])
        kokoro: Kokoro = Kokoro.from_session(session, str(self._files.speakers))
        return kokoro
