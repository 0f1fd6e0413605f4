"""What guests say: espeak-ng's voices, in a process of their own, always the same for the same words."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import soxr

from audio.level import at_level
from audio.pcm import from_pcm16
from config.project import ROOT
from sandbox.voice.hearing import Sound
from sandbox.voice.opus import SAMPLE_RATE

SPEECH_LEVEL = 0.1
"""RMS of a guest's words, -20 dB."""

_SYNTHESISER = "sandbox.speech_synthesiser"
_LONGEST = 60.0
_VOICED = 0.005
# As it is written, espeak-ng would spell it out.
_MHM = re.compile(r"\bmhm\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class GuestVoice:
    """How a guest sounds: espeak-ng's name of the voice, words a minute, and a pitch of 0 to 100."""

    name: str
    rate: int
    pitch: int


class SpeechError(Exception):
    """The words could not be said; the text says why."""


ADA = GuestVoice("en-us+f3", 165, 55)
BEN = GuestVoice("en-us+m3", 155, 45)
CLEO = GuestVoice("en-gb-scotland+f4", 155, 60)
DAN = GuestVoice("en-us", 160, 50)

GUEST_VOICES = {"Ada": ADA, "Ben": BEN, "Cleo": CLEO, "Dan": DAN}


@functools.cache
def speech(text: str, voice: GuestVoice) -> Sound:
    """The words without silence around them, 48,000 Hz mono; not to be written to. Blocks for a tenth of a second.

    espeak-ng goes on where it left off, so the same words never sound quite the same twice in one process: each text
    gets a process of its own.

    Raises:
        SpeechError: espeak-ng can't say it, or there is nothing to say.
    """
    command = (sys.executable, "-m", _SYNTHESISER, voice.name, str(voice.rate), str(voice.pitch))
    try:
        said = subprocess.run(  # noqa: S603
            command, cwd=ROOT, input=_MHM.sub("mm hmm", text).encode(), capture_output=True, timeout=_LONGEST
        )
    except subprocess.TimeoutExpired as error:
        raise SpeechError(f"{text!r} takes too long to say") from error
    if said.returncode != 0:
        raise SpeechError(said.stderr.decode(errors="replace").strip().rpartition("\n")[2])
    rate, _, pcm = said.stdout.partition(b"\n")
    samples = from_pcm16(pcm)
    return _levelled(samples, int(rate), text)


def _levelled(samples: Sound, rate: int, text: str) -> Sound:
    voiced = np.flatnonzero(np.abs(samples) > _VOICED)
    if not len(voiced):
        raise SpeechError(f"there is nothing to be heard in {text!r}")
    sound = at_level(soxr.resample(samples[voiced[0] : voiced[-1] + 1], rate, SAMPLE_RATE), SPEECH_LEVEL)
    sound.flags.writeable = False
    return sound
