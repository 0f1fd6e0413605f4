"""Search for a sound within a longer one, although codecs, a loudspeaker and a room have changed it.

The search uses two features. The first is the correlation after both spectra are flattened (GCC-PHAT; Knapp and Carter,
1976). It has one sharp peak for an echo, and none for two voices that merely sound alike. But an echo beneath a
person's louder voice has a peak too. The second feature tells an echo from such a mixture: it is high if the energies
of both sounds rise and fall alike in narrow frequency bands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audio.samples import HEARING_RATE, Sound16

LOWEST_HZ, MAX_HZ = 200.0, 5_500.0
"""Frequency range that small loudspeakers reproduce and Opus keeps."""
FLATTENING = 0.8
"""Exponent by which spectra are flattened. 1 would make noise as strong as a voice."""
REFLECTED, SPREAD = HEARING_RATE // 25, HEARING_RATE // 250
"""Samples before and after a peak that belong to it. Reflections arrive late, so they match sound sent earlier."""
BANDS = 40
"""Number of frequency bands whose energies are compared."""
WINDOW, HOP, FFT_SIZE = 400, 160, 512
"""Window, hop and FFT size of the band energies, in samples."""
REVERBERATION = 0.5
"""Share of a band's energy that is left in the room after 10 ms."""
REVERBERATION_HOPS = 10
"""A sound still contains reverberation from this many hops before it."""
DYNAMIC_RANGE = 1e-3
"""Energy below which there is only noise, as a share of the loudest energy."""
SILENCE = 1e-9
"""Smallest value that is a divisor or the argument of a logarithm."""

_Energies = NDArray[np.float32]
"""Band energies, of shape (frames of 10 ms, bands)."""


@dataclass(frozen=True, slots=True)
class Match:
    """The best match of a sound within a longer one.

    Attributes:
        sharpness: peak of the correlation, divided by the root mean square of the correlation elsewhere.
        pattern: correlation of the band energies at the peak, -1 to 1.
        position: sample of the longer sound at which the shorter one begins.
        audible: seconds of the longer sound that are not silent, within the match.
    """

    sharpness: float
    pattern: float
    position: int
    audible: float

    @property
    def evidence(self) -> float:
        """Both features as one number. It is rarely above 4.8 for speech that is no echo."""
        pattern = min(self.pattern, 0.99)
        return float(np.log(max(self.sharpness, SILENCE)) + 2 * np.arctanh(max(pattern, -0.99)))


def match(heard: Sound16, sent: Sound16, first: int, last: int) -> Match | None:
    """Find the best match of ``heard`` in ``sent``; returns ``None`` if one of them is silent or the range is empty.

    Args:
        heard: the shorter sound: mono, 16,000 Hz.
        sent: the longer sound, which is searched: mono, 16,000 Hz.
        first, last: range of positions to search, both included, within 0 and ``len(sent) - len(heard)``.
    """
    if not 0 <= first <= last <= len(sent) - len(heard) or not sent.any() or not heard.any():
        return None
    correlation = np.square(_flat_correlation(heard, sent))
    position = first + int(np.argmax(correlation[first : last + 1]))
    elsewhere = np.concatenate([correlation[: max(0, position - REFLECTED)], correlation[position + SPREAD :]])
    level = max(float(elsewhere.mean()) if len(elsewhere) else 1.0, SILENCE)
    before = min(position // HOP, REVERBERATION_HOPS)
    energies = _energies(sent[position - before * HOP : position + len(heard)])
    pattern = _pattern_correlation(_energies(heard), _reverberated(energies)[before:])
    return Match(float(np.sqrt(correlation[position] / level)), pattern, position, _audible(energies[before:]))


def _flat_correlation(heard: Sound16, sent: Sound16) -> NDArray[np.float32]:
    """The correlation of ``heard`` with ``sent`` at each position, with flattened spectra."""
    # The FFT's correlation is circular. Positions that would wrap around are cut off, so zero padding is not needed.
    size = 1 << (len(sent) - 1).bit_length()
    spectrum = np.conj(np.fft.rfft(heard, size)) * np.fft.rfft(sent, size)
    lowest, highest = (round(hertz * size / HEARING_RATE) for hertz in (LOWEST_HZ, MAX_HZ))
    flat = np.zeros_like(spectrum)
    kept = spectrum[lowest:highest]
    flat[lowest:highest] = kept / (np.abs(kept) ** FLATTENING + SILENCE)
    return np.fft.irfft(flat, size)[: len(sent) - len(heard) + 1].astype(np.float32)


def _energies(sound: Sound16) -> _Energies:
    """The energies of a sound in each band and frame."""
    frames = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::HOP] * _TAPER
    return (np.square(np.abs(np.fft.rfft(frames, FFT_SIZE))) @ _BANKS).astype(np.float32)


def _reverberated(energies: _Energies) -> _Energies:
    """The energies as they are heard in a room, in which sound fades slowly."""
    reverberated = energies.copy()
    for now, before in zip(reverberated[1:], reverberated, strict=False):
        now += REVERBERATION * before
    return reverberated


def _pattern_correlation(heard: _Energies, sent: _Energies) -> float:
    """The correlation of two patterns of band energies, -1 to 1.

    The mean level of each band is removed first, since rooms and loudspeakers change it.
    """
    heard, sent = (np.log(energies + DYNAMIC_RANGE * energies.max() + SILENCE) for energies in (heard, sent))
    heard, sent = heard - heard.mean(axis=0), sent - sent.mean(axis=0)
    norm = float(np.linalg.norm(heard) * np.linalg.norm(sent))
    return float(np.vdot(heard, sent)) / max(norm, SILENCE)


def _audible(energies: _Energies) -> float:
    """The seconds of a sound that are not silent."""
    loudness = energies.sum(axis=1)
    return int((loudness > max(DYNAMIC_RANGE * float(loudness.max()), SILENCE)).sum()) * HOP / HEARING_RATE


def _band_matrix() -> NDArray[np.float32]:
    """Triangular bands, equally spaced on the mel scale, as a matrix of shape (frequencies, bands)."""
    mel = np.linspace(_mel(LOWEST_HZ), _mel(MAX_HZ), BANDS + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    hertz = np.fft.rfftfreq(FFT_SIZE, 1 / HEARING_RATE)[:, None]
    rising = (hertz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hertz) / (edges[2:] - edges[1:-1])
    return np.clip(np.minimum(rising, falling), 0, None).astype(np.float32)


def _mel(hertz: float) -> float:
    """The pitch of a frequency on the mel scale."""
    return float(2595 * np.log10(1 + hertz / 700))


_TAPER = np.hanning(WINDOW).astype(np.float32)
_BANKS = _band_matrix()
