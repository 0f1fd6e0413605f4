"""Fits an answer's new sound into a recording.

The new sound gets the loudness and the pauses of the old sound, and must not reach into the next answer.

Pure functions. Sound is mono float32, -1 to 1, at the rate of the bot's file (``SPEAKING_RATE``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from audio.level import rms
from audio.samples import SPEAKING_RATE, Samples
from bot.recorded_answers import RecordedAnswer, RecordedAnswers, Span

MAX_TEMPO = 1.15
"""If a new sound is longer than the old sound, it is made faster by at most this factor."""
_CUT_SEARCH = SPEAKING_RATE // 4
"""The sound is cut at the quietest moment within this number of samples (0.25 s) of the calculated cut."""
_MOMENT = SPEAKING_RATE // 50
"""Length of a moment in samples (20 ms). The sound is cut in the middle of the quietest moment."""
_SILENCE = 0.003
"""Samples count as silence up to this share of the loudest sample."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A piece of sound, and the sample of the file at which it starts."""

    start: int
    sound: Samples

    @property
    def end(self) -> int:
        """The first sample after the piece."""
        return self.start + len(self.sound)


def sample_count(answer: RecordedAnswer) -> int:
    """The number of samples that an answer's old sound has in the recording, without pauses."""
    return sum(span.end - span.start for span in answer.spans)


def end_limit(recorded: RecordedAnswers, number: int) -> int:
    """The sample at which an answer must have ended: the start of the next answer, or the end of the file.

    An interrupted answer must end where it was interrupted.

    Args:
        number: the answer's index in ``recorded.answers``.
    """
    answer, *later = recorded.answers[number:]
    if answer.interrupted:
        return answer.spans[-1].end
    return later[0].spans[0].start if later else recorded.samples


def max_samples(old_samples: int, sound: Samples) -> int:
    """The most samples that the new sound may have: ``old_samples``, or as many as ``sound`` has at :data:`MAX_TEMPO`,
    whichever is more."""
    return max(old_samples, int(len(sound) / MAX_TEMPO))


def trim_end(sound: Samples) -> Samples:
    """The sound without trailing silence."""
    if not sound.any():
        return sound[:0]
    loud = np.abs(sound) > _SILENCE * np.abs(sound).max()
    return sound[: int(np.flatnonzero(loud)[-1]) + 1]


def match_loudness(old: Samples, sound: Samples) -> Samples:
    """The sound at the loudness of the old sound, or as loud as possible without clipping."""
    level, peak = _level(sound), float(np.abs(sound).max(initial=0.0))
    if not level:
        return sound
    return sound * np.float32(min(_level(old) / level, 1.0 / peak))


def _level(sound: Samples) -> float:
    voiced = sound[np.abs(sound) > _SILENCE * np.abs(sound).max(initial=0.0)]
    return rms(voiced)


def split_like(sound: Samples, spans: Sequence[Span], end: int) -> list[Piece] | None:
    """Cut the new sound into as many parts as the old sound, in the same proportions.

    Each new part starts where the old part started. If a part is too long for its place, the pause beside it is left
    out: the parts before and after this pause become one. Returns ``None`` if the whole sound is too long for the
    answer's place.

    Args:
        spans: the places of the old parts in the file.
        end: the sample at which the last part must have ended.
    """
    starts, lengths = [span.start for span in spans], [span.end - span.start for span in spans]
    while True:
        pieces = _cut(sound, starts, lengths)
        limits = [*starts[1:], end]
        too_long = next(
            (n for n, (piece, limit) in enumerate(zip(pieces, limits, strict=True)) if piece.end > limit), None
        )
        if too_long is None:
            return pieces
        if len(pieces) == 1:
            return None
        # There is no pause behind the last part, so the one before it is left out.
        first = min(too_long, len(pieces) - 2)
        del starts[first + 1]
        lengths[first] += lengths.pop(first + 1)


def _cut(sound: Samples, starts: Sequence[int], lengths: Sequence[int]) -> list[Piece]:
    """Cut the sound in the proportions of ``lengths``, at quiet moments, and put the parts at ``starts``."""
    *heard, total = accumulate(lengths)
    # If two cuts are close together, their quiet moments may come in the wrong order. So the cuts are sorted.
    cuts = sorted(_quiet_moment(sound, len(sound) * samples // total) for samples in heard)
    parts = [sound[a:b] for a, b in pairwise([0, *cuts, len(sound)])]
    return [Piece(start, part) for start, part in zip(starts, parts, strict=True)]


def _quiet_moment(sound: Samples, near: int) -> int:
    """The middle of the quietest moment around the sample ``near``."""
    first = max(0, near - _CUT_SEARCH)
    moments = [sound[at : at + _MOMENT] for at in range(first, min(len(sound), near + _CUT_SEARCH), _MOMENT)]
    if not moments:
        return near
    quietest = int(np.argmin([rms(moment) for moment in moments]))
    return first + quietest * _MOMENT + len(moments[quietest]) // 2
