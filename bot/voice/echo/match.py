"""How well a stretch of sound matches something in another that is longer, behind codecs, a loudspeaker and a room.

Two signs, each weak where the other is strong. With their spectra flattened (GCC-PHAT; Knapp and Carter, 1976), an
echo is one sharp peak of the correlation, and two voices that merely sound alike have none; but an echo beneath
somebody's louder voice has a peak as well. So the energies in narrow bands must rise and fall alike, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audio.samples import HEARING_RATE, Sound16

LOWEST_HZ, HIGHEST_HZ = 200.0, 5_500.0
"""What small loudspeakers pass on and Opus keeps."""
FLATTENING = 0.8
"""1 would make every frequency equal, and noise as loud as voice."""
REFLECTED, SPREAD = HEARING_RATE // 25, HEARING_RATE // 250
"""Samples before and behind a peak that belong to it: what is reflected matches what was sent earlier."""
BANDS = 40
WINDOW, HOP, FFT_SIZE = 400, 160, 512
LINGERING = 0.5
"""How much of a band's energy is left in the room after 10 ms."""
LINGERED = 10
"""Hops before a stretch of which something may linger in it."""
DYNAMIC_RANGE = 1e-3
"""Energy, in parts of the loudest band's, beneath which there is only noise."""
SILENCE = 1e-9

_Energies = NDArray[np.float32]
"""(frames of 10 ms, bands)."""


@dataclass(frozen=True, slots=True)
class Match:
    """The place of best agreement.

    ``sharpness`` is the peak of the correlation over the root mean square of the rest, ``pattern`` the correlation of
    the band energies there, and ``place`` the sample of the longer sound at which the shorter one begins.
    """

    sharpness: float
    pattern: float
    place: int

    @property
    def evidence(self) -> float:
        """Both signs as one number, their logarithms added; of speech that is no echo, it is rarely above 4.8."""
        pattern = min(self.pattern, 0.99)
        return float(np.log(max(self.sharpness, SILENCE)) + 2 * np.arctanh(max(pattern, -0.99)))


def match(heard: Sound16, sent: Sound16, first: int, last: int) -> Match | None:
    """The best match of ``heard`` that begins in ``sent`` between two samples; ``None`` where either is silent.

    Args:
        first, last: the range of places, within 0 and ``len(sent) - len(heard)``.
    """
    if not 0 <= first <= last <= len(sent) - len(heard) or not sent.any() or not heard.any():
        return None
    correlation = np.square(_flat_correlation(heard, sent))
    place = first + int(np.argmax(correlation[first : last + 1]))
    elsewhere = np.concatenate([correlation[: max(0, place - REFLECTED)], correlation[place + SPREAD :]])
    level = max(float(elsewhere.mean()) if len(elsewhere) else 1.0, SILENCE)
    before = min(place // HOP, LINGERED)
    stretch = _lingering(_energies(sent[place - before * HOP : place + len(heard)]))[before:]
    return Match(float(np.sqrt(correlation[place] / level)), _likeness(_energies(heard), stretch), place)


def _flat_correlation(heard: Sound16, sent: Sound16) -> NDArray[np.float32]:
    """The correlation of a sound with each stretch of a longer one, its spectrum flattened."""
    # Places that would wrap around are not looked at, so there is no need of room for them.
    size = 1 << (len(sent) - 1).bit_length()
    spectrum = np.conj(np.fft.rfft(heard, size)) * np.fft.rfft(sent, size)
    lowest, highest = (round(hertz * size / HEARING_RATE) for hertz in (LOWEST_HZ, HIGHEST_HZ))
    flat = np.zeros_like(spectrum)
    kept = spectrum[lowest:highest]
    flat[lowest:highest] = kept / (np.abs(kept) ** FLATTENING + SILENCE)
    return np.fft.irfft(flat, size)[: len(sent) - len(heard) + 1].astype(np.float32)


def _energies(sound: Sound16) -> _Energies:
    frames = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::HOP] * _TAPER
    return (np.square(np.abs(np.fft.rfft(frames, FFT_SIZE))) @ _BANKS).astype(np.float32)


def _lingering(energies: _Energies) -> _Energies:
    """The same in a room, where sound dies away."""
    lingering = energies.copy()
    for now, before in zip(lingering[1:], lingering, strict=False):
        now += LINGERING * before
    return lingering


def _likeness(heard: _Energies, sent: _Energies) -> float:
    """How alike two patterns are, -1 to 1. Each band's own level is left out: rooms and loudspeakers set it."""
    heard, sent = (np.log(energies + DYNAMIC_RANGE * energies.max() + SILENCE) for energies in (heard, sent))
    heard, sent = heard - heard.mean(axis=0), sent - sent.mean(axis=0)
    norm = float(np.linalg.norm(heard) * np.linalg.norm(sent))
    return float(np.vdot(heard, sent)) / max(norm, SILENCE)


def _band_matrix() -> NDArray[np.float32]:
    """Triangular bands, even on the mel scale, as a matrix (frequencies, bands)."""
    mel = np.linspace(_mel(LOWEST_HZ), _mel(HIGHEST_HZ), BANDS + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    hertz = np.fft.rfftfreq(FFT_SIZE, 1 / HEARING_RATE)[:, None]
    rising = (hertz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hertz) / (edges[2:] - edges[1:-1])
    return np.clip(np.minimum(rising, falling), 0, None).astype(np.float32)


def _mel(hertz: float) -> float:
    return float(2595 * np.log10(1 + hertz / 700))


_TAPER = np.hanning(WINDOW).astype(np.float32)
_BANKS = _band_matrix()
