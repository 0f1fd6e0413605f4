"""Tells the bot's own voice, back through somebody's loudspeakers and microphone, from that person's.

The newest stretch of a person's sound is correlated with what the bot has sent lately, at every delay. Spectrally
flattened (GCC-PHAT; Knapp and Carter, 1976), an echo is one sharp peak over noise, even behind a room and two codecs;
two voices that merely sound alike have none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.voice.heard import HEARING_RATE, Sound16

REFERENCE_SECONDS = 2.2
"""How much of what was sent is kept: the longest delay, and the stretch that is compared."""
LEAST_SECONDS = 0.1
SHARP = 18.0
"""How far the peak must stand out, as a multiple of the correlation's root mean square."""
SHARP_AT_KNOWN_DELAY = 9.0
SAME_DELAY = 0.03
"""Seconds by which the delay of one person's echo may vary."""
FLATTENING = 0.8
"""1 would make every frequency equal, and noise as loud as voice."""
LOWEST_HZ, HIGHEST_HZ = 200.0, 5_500.0
PACE_JITTER = 0.03
"""Seconds between two sent frames that are still no pause."""


@dataclass(frozen=True, slots=True)
class EchoPeak:
    """The best match: how far it stands out, and how many seconds after the sending it was heard."""

    sharpness: float
    delay: float


class EchoDetector:
    """Belongs to one thread; told all that is sent, asked about what is heard, at about 1 ms a time.

    A person whose echo has been heard once is known to have loudspeakers, and its delay: there, less proof is enough.
    """

    def __init__(self) -> None:
        self._sent = np.zeros(0, np.float32)
        self._sent_until = 0.0
        self._delays: dict[int, float] = {}

    def played(self, sound: Sound16, at: float) -> None:
        """The bot sends this, whose first sample leaves at ``at`` (monotonic seconds)."""
        pause = at - self._sent_until
        if pause > REFERENCE_SECONDS or not len(self._sent):
            self._sent, pause = np.zeros(0, np.float32), 0.0
        silence = np.zeros(int(pause * HEARING_RATE) if pause > PACE_JITTER else 0, np.float32)
        self._sent = np.concatenate([self._sent, silence, sound])[-int(REFERENCE_SECONDS * HEARING_RATE) :]
        self._sent_until = at + len(sound) / HEARING_RATE

    def is_echo(self, person: int, sound: Sound16, at: float) -> bool:
        """Whether a person's newest sound, whose end arrived at ``at``, is what the bot has said."""
        known = self._delays.get(person)
        if known is not None:
            peak = self.peak(sound, at, around=known)
            if peak is not None and peak.sharpness >= SHARP_AT_KNOWN_DELAY:
                return True
        peak = self.peak(sound, at)
        if peak is None or peak.sharpness < SHARP:
            return False
        self._delays[person] = peak.delay
        return True

    def peak(self, sound: Sound16, at: float, *, around: float | None = None) -> EchoPeak | None:
        """The sharpest match at any delay, or ``around`` one; ``None`` where there is nothing to compare."""
        if len(sound) < LEAST_SECONDS * HEARING_RATE or len(sound) >= len(self._sent):
            return None
        if at - self._sent_until > REFERENCE_SECONDS:
            return None
        correlation = np.abs(_flat_correlation(sound, self._sent))
        # Index 0 would have been sent so long before it was heard.
        oldest = at - self._sent_until + (len(self._sent) - len(sound)) / HEARING_RATE
        first, last = 0, len(correlation)
        if around is not None:
            first = max(0, int((oldest - around - SAME_DELAY) * HEARING_RATE))
            last = min(last, int((oldest - around + SAME_DELAY) * HEARING_RATE))
        if first >= last:
            return None
        best = first + int(np.argmax(correlation[first:last]))
        level = float(np.sqrt(np.mean(np.square(correlation)))) or 1.0
        return EchoPeak(float(correlation[best]) / level, oldest - best / HEARING_RATE)

    def forget(self, person: int) -> None:
        """Keep nothing of this person."""
        self._delays.pop(person, None)


def _flat_correlation(heard: Sound16, sent: Sound16) -> NDArray[np.float64]:
    """The correlation of a short sound with each stretch of a longer one, its spectrum flattened."""
    size = 1 << (len(heard) + len(sent) - 1).bit_length()
    spectrum = np.conj(np.fft.rfft(heard, size)) * np.fft.rfft(sent, size)
    frequencies = np.fft.rfftfreq(size, 1 / HEARING_RATE)
    voiced = (frequencies > LOWEST_HZ) & (frequencies < HIGHEST_HZ)
    flat = np.where(voiced, spectrum / (np.abs(spectrum) ** FLATTENING + 1e-12), 0)
    return np.fft.irfft(flat, size)[: len(sent) - len(heard) + 1]
