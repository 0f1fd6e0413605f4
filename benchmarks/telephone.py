"""A telephone for benchmarks: what it makes of a sound on the way from the caller to the bot, or back.

The network passes the frequencies from 300 to 3,400 Hz, as G.712 asks. It carries them as G.711 at 8,000 Hz, in frames
of 20 ms.
"""

from __future__ import annotations

import argparse

import numpy as np
import numpy.typing as npt
import soxr

from audio.g711 import Law, decode_g711, encode_g711
from audio.narrow_band import FromTelephone
from audio.pcm import from_pcm16, to_int16
from audio.samples import HEARING_RATE, Samples, Sound16
from audio.telephony import TELEPHONE_RATE
from sandbox.voice.opus import FRAME_SAMPLES, SAMPLE_RATE, Sound

LOWEST, HIGHEST = 300, 3_400
"""Frequencies, in hertz, at which the network's filter takes 6 dB away. By G.712, a network must take less away there.
"""
STEP = SAMPLE_RATE // TELEPHONE_RATE
TAPS = 601
"""Length of the network's filter in samples. It delays sound by 6 ms, and takes 50 dB away from 3,700 Hz on."""


class TelephoneNetwork:
    """Carries sound at 48,000 Hz as G.711 at 8,000 Hz, in one direction.

    Args:
        law: the law of G.711.
    """

    def __init__(self, law: Law) -> None:
        self._law = law
        self._filter = _band_pass()
        self._before = np.zeros(TAPS - 1, np.float32)

    def carry(self, frames: Sound) -> bytes:
        """Send whole frames of 20 ms, and return the bytes of G.711 that come out: one byte for each six samples."""
        if len(frames) % FRAME_SAMPLES:
            raise ValueError("the telephone takes whole frames of 20 ms")
        waiting = np.concatenate([self._before, frames])
        self._before = waiting[-(TAPS - 1) :]
        filtered = np.convolve(waiting, self._filter, "valid")[::STEP]
        return encode_g711(to_int16(np.asarray(filtered, np.float32)), self._law)


class CallerLine:
    """A caller's telephone: what the bot hears, at 16,000 Hz, of a sound at 48,000 Hz.

    Args:
        law: the law of G.711.
    """

    def __init__(self, law: Law) -> None:
        self._law = law
        self._network = TelephoneNetwork(law)
        self._from_telephone = FromTelephone()

    def carry(self, frames: Sound) -> Sound16:
        """What the bot gets with these whole frames: sound of the same length, 8 ms late."""
        return self._from_telephone.convert(decoded(self._network.carry(frames), self._law))


def add_telephone(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--telephone`` to a benchmark's command line."""
    parser.add_argument("--telephone", choices=("alaw", "ulaw"), help="people speak over a telephone with this law")


def through_telephone(sound: Sound, law: Law) -> Sound16:
    """What the bot hears, at 16,000 Hz, of the whole sound of a caller. The result is a little longer."""
    return CallerLine(law).carry(in_frames(np.pad(sound, (0, TAPS))))


def over_telephone(sound: Sound, law: Law) -> Sound:
    """A sound at 48,000 Hz as it comes over a telephone: as long as before, and 8 ms late."""
    heard = soxr.resample(through_telephone(sound, law), HEARING_RATE, SAMPLE_RATE)
    return np.asarray(heard[: len(sound)], np.float32)


def decoded(data: bytes, law: Law) -> Samples:
    """The samples of G.711, at 8,000 Hz."""
    return from_pcm16(decode_g711(data, law).tobytes())


def in_frames(sound: Sound) -> Sound:
    """The sound with silence behind it up to a whole frame of 20 ms."""
    return np.pad(sound, (0, -len(sound) % FRAME_SAMPLES))


def _band_pass() -> npt.NDArray[np.float32]:
    """A band-pass whose delay is the same for all frequencies."""
    at = np.arange(TAPS) - TAPS // 2
    high, low = (2 * hertz / SAMPLE_RATE * np.sinc(2 * hertz / SAMPLE_RATE * at) for hertz in (HIGHEST, LOWEST))
    return np.asarray((high - low) * np.hamming(TAPS), np.float32)
