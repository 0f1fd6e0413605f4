"""What a rehearsal has measured: how long each stage took, and how long the answers waited for it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from bot.voice.metrics import ReplyTrace
from bot.voice.reply_waits import WAITS, end_waited_for_words, median_waits, waits_of


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the answers, in milliseconds.

    Attributes:
        took: the median time that the stage itself took; ``None`` if no answer had it.
        waited: the median time for which the answers waited for it. It is shorter than ``took`` if the stage ran while
            the answers waited for something else.
    """

    took: float | None
    waited: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Medians over the answers of a rehearsal, in milliseconds.

    Attributes:
        total: from the last voiced sample to the first packet of the answer.
        stages: the stages by their names in :data:`bot.voice.reply_waits.WAITS`.
        paused: from the last voiced sample to the first sign of a pause; ``None`` if it is not known.
        words: from the last voiced sample to the words; ``None`` if it is not known.
        ends_wait_for_words: whether the ends of most turns were late because the words were late.
    """

    total: float
    stages: Mapping[str, Stage]
    paused: float | None
    words: float | None
    ends_wait_for_words: bool


def figures_of(traces: Sequence[ReplyTrace]) -> Figures | None:
    """The figures of the answers; ``None`` if no answer was heard."""
    heard = [trace for trace in traces if trace.first_packet is not None]
    if not heard:
        return None
    waited = median_waits([waits_of(trace) for trace in heard])
    return Figures(
        statistics.median(trace.first_packet or 0.0 for trace in heard),
        MappingProxyType({stage: Stage(_median(heard, _TOOK[stage]), waited[stage]) for stage in WAITS}),
        _median(heard, lambda trace: trace.speech_paused),
        _median(heard, lambda trace: trace.transcribed),
        2 * sum(map(end_waited_for_words, heard)) > len(heard),
    )


def _median(traces: Sequence[ReplyTrace], value: Callable[[ReplyTrace], float | None]) -> float | None:
    values = [found for trace in traces if (found := value(trace)) is not None]
    return statistics.median(values) if values else None


def _between(begin: float | None, end: float | None) -> float | None:
    return None if begin is None or end is None else end - begin


def _sending(trace: ReplyTrace) -> float | None:
    """The time to the first packet, from the moment when both the first sound and the end of the turn are there."""
    ready = max(trace.first_audio or 0.0, trace.turn_ended or 0.0)
    return _between(ready, trace.first_packet)


_TOOK: Mapping[str, Callable[[ReplyTrace], float | None]] = MappingProxyType(
    {
        "turn_ended": lambda trace: trace.turn_ended,
        "transcribed": lambda trace: _between(trace.speech_paused, trace.transcribed),
        "waited": lambda trace: _between(max(trace.turn_ended or 0.0, trace.transcribed or 0.0), trace.waited),
        "first_token": lambda trace: _between(trace.waited, trace.first_token),
        "first_clause": lambda trace: _between(trace.first_token, trace.first_clause),
        "first_audio": lambda trace: _between(trace.first_clause, trace.first_audio),
        "first_packet": _sending,
    }
)
"""How long each stage itself took. The stage "waited" is the wait for other answers; if negative, there was none."""
