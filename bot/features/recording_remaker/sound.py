"""Where an answer's new sound goes: as loud as the old one, paused where that paused, and out of the way of the next.

Pure: arrays in, arrays out. Sound is mono float32, -1 to 1, at the rate of the bot's file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from audio.level import rms
from audio.samples import SPEAKING_RATE, Samples
from bot.recording_notes import RecordedAnswer, RecordingNotes, Span

MAX_TEMPO = 1.15
"""How much faster than by itself an answer may be spoken again, to be no longer than it was."""
_CUT_SEARCH = SPEAKING_RATE // 4
"""How far from where it paused a sound may be cut instead, to do it in a pause of its own."""
_MOMENT = SPEAKING_RATE // 50
_SILENCE = 0.003
"""Of the loudest sample: what ends an answer more quietly is no part of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Sound, and the sample of the file at which it begins."""

    start: int
    sound: Samples

    @property
    def end(self) -> int:
        """The sample behind it."""
        return self.start + len(self.sound)


def length(answer: RecordedAnswer) -> int:
    """How many samples were heard of it."""
    return sum(span.end - span.start for span in answer.spans)


def room_ends(notes: RecordingNotes, number: int) -> int:
    """The sample at which the answer of this number must be over: where the next one begins, or the file ends.

    One that was interrupted must be over where it was.
    """
    answer, *later = notes.answers[number:]
    if answer.interrupted:
        return answer.spans[-1].end
    return later[0].spans[0].start if later else notes.samples


def goal(was: int, sound: Samples) -> int:
    """How many samples a new sound should have at most, where the old one had ``was``."""
    return max(was, int(len(sound) / MAX_TEMPO))


def without_tail(sound: Samples) -> Samples:
    """The sound without the silence at its end."""
    if not sound.any():
        return sound[:0]
    loud = np.abs(sound) > _SILENCE * np.abs(sound).max()
    return sound[: int(np.flatnonzero(loud)[-1]) + 1]


def as_loud_as(old: Samples, sound: Samples) -> Samples:
    """The sound at the loudness of the old one, unless it would be clipped there."""
    level, peak = _level(sound), float(np.abs(sound).max(initial=0.0))
    if not level:
        return sound
    return sound * np.float32(min(_level(old) / level, 1.0 / peak))


def _level(sound: Samples) -> float:
    voiced = sound[np.abs(sound) > _SILENCE * np.abs(sound).max(initial=0.0)]
    return rms(voiced)


def lay(sound: Samples, spans: Sequence[Span], end: int) -> list[Piece] | None:
    """The sound, cut as the old one was, each part where that of the old one began; ``None`` where one has no room.

    Args:
        end: the sample at which the last part must be over.
    """
    *heard, total = accumulate(span.end - span.start for span in spans)
    # Two that lie close together may find the same moment, or each other's.
    cuts = sorted(_quiet_moment(sound, len(sound) * samples // total) for samples in heard)
    parts = [sound[a:b] for a, b in pairwise([0, *cuts, len(sound)])]
    pieces = [Piece(span.start, part) for span, part in zip(spans, parts, strict=True)]
    limits = [*(span.start for span in spans[1:]), end]
    return pieces if all(piece.end <= limit for piece, limit in zip(pieces, limits, strict=True)) else None


def _quiet_moment(sound: Samples, near: int) -> int:
    """The middle of the quietest moment around a sample."""
    first = max(0, near - _CUT_SEARCH)
    moments = [sound[at : at + _MOMENT] for at in range(first, min(len(sound), near + _CUT_SEARCH), _MOMENT)]
    if not moments:
        return near
    quietest = int(np.argmin([rms(moment) for moment in moments]))
    return first + quietest * _MOMENT + len(moments[quietest]) // 2
