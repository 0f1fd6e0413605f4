"""Speech of guests by espeak-ng, in a child process. The same words always give the same sound."""

from __future__ import annotations

import atexit
import functools
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import numpy as np
import soxr

from audio.level import at_level
from audio.pcm import from_pcm16
from config.project import ROOT
from sandbox.voice.opus import SAMPLE_RATE, Sound

SPEECH_LEVEL = 0.1
"""RMS level of a guest's speech: -20 dB."""

_SYNTHESISER = "sandbox.speech_synthesiser"
_SPEAKING_LIMIT = 60.0
"""If the speech of one text takes longer than this many seconds, the process is killed."""
_VOICED_LEVEL = 0.005
"""The speech begins at the first and ends at the last sample above this level. The silence around it is cut off."""
# espeak-ng would spell "mhm" letter by letter.
_MHM = re.compile(r"\bmhm\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class GuestVoice:
    """A guest's voice: the name of espeak-ng's voice, its speed in words a minute, and its pitch, 0 to 100."""

    name: str
    rate: int
    pitch: int


class SpeechError(Exception):
    """The words could not be spoken; the text says why."""


ADA = GuestVoice("en-us+f3", 165, 55)
BEN = GuestVoice("en-us+m3", 155, 45)
CLEO = GuestVoice("en-gb-scotland+f4", 155, 60)
DAN = GuestVoice("en-us", 160, 50)

GUEST_VOICES = {"Ada": ADA, "Ben": BEN, "Cleo": CLEO, "Dan": DAN}


@functools.cache
def speech(text: str, voice: GuestVoice) -> Sound:
    """Speak a text: 48,000 Hz mono, without silence around it. The array is read-only. Blocks for some milliseconds.

    Raises:
        SpeechError: espeak-ng failed, or there is nothing to speak.
    """
    rate, pcm = _synthesiser().say(_MHM.sub("mm hmm", text), voice)
    return _levelled(from_pcm16(pcm), rate, text)


class RepeatableEspeak:
    """espeak-ng for programs that measure: its sounds do not depend on what was said before.

    espeak-ng keeps state from text to text: in one process, the same words sound a little different each time. So each
    text is spoken in a process of its own.

    Thread-safe. Its ``sample_rate`` and :meth:`say` can be used in place of those of an
    :class:`~audio.espeak.EspeakLibrary`.
    """

    @functools.cached_property
    def sample_rate(self) -> int:
        """Samples per second of :meth:`say`."""
        rate, _ = _synthesiser().say("a", ADA)
        return rate

    def say(self, text: str, voice: str, rate: int, pitch: int) -> Sound:
        """Speak a text; returns mono sound. Blocks for some milliseconds.

        Raises:
            SpeechError: espeak-ng failed, or has no such voice.
        """
        _, pcm = _synthesiser().say(text, GuestVoice(voice, rate, pitch))
        return from_pcm16(pcm)


class _Synthesiser:
    """The process that speaks texts. Thread-safe; it speaks one text at a time."""

    def __init__(self) -> None:
        self._saying = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def say(self, text: str, voice: GuestVoice) -> tuple[int, bytes]:
        """Speak a text; returns the sample rate and 16-bit PCM. Raises :class:`SpeechError`."""
        asked = {"text": text, "voice": voice.name, "rate": voice.rate, "pitch": voice.pitch}
        with self._saying, self._started() as (asking, answering):
            asking.write(json.dumps(asked).encode() + b"\n")
            asking.flush()
            header = json.loads(answering.readline())
            if "error" in header:
                raise SpeechError(header["error"])
            pcm = answering.read(header["bytes"])
            if len(pcm) < header["bytes"]:
                raise EOFError
            return header["rate"], pcm

    @contextmanager
    def _started(self) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        """The streams of the process. A process that takes too long is killed; the next text starts another process."""
        process = self._process = self._process or subprocess.Popen(  # noqa: S603
            (sys.executable, "-m", _SYNTHESISER), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        if process.stdin is None or process.stdout is None:
            raise SpeechError("espeak-ng's process has no streams")
        last_resort = threading.Timer(_SPEAKING_LIMIT, process.kill)
        last_resort.start()
        try:
            yield process.stdin, process.stdout
        except (OSError, EOFError, ValueError) as error:
            self.close()
            raise SpeechError("espeak-ng has ended, or took too long") from error
        finally:
            last_resort.cancel()

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


@functools.cache
def _synthesiser() -> _Synthesiser:
    synthesiser = _Synthesiser()
    atexit.register(synthesiser.close)
    return synthesiser


def _levelled(samples: Sound, rate: int, text: str) -> Sound:
    voiced = np.flatnonzero(np.abs(samples) > _VOICED_LEVEL)
    if not len(voiced):
        raise SpeechError(f"there is nothing to be heard in {text!r}")
    sound = at_level(soxr.resample(samples[voiced[0] : voiced[-1] + 1], rate, SAMPLE_RATE), SPEECH_LEVEL)
    sound.flags.writeable = False
    return sound
