"""Divides the time before a reply's first packet into waits: what the reply waited for at each moment."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from bot.voice.metrics import ReplyTrace
from bot.voice.turns.settings import TurnSettings

WAITS: Mapping[str, str] = MappingProxyType(
    {
        "turn_ended": "end of turn",
        "transcribed": "words",
        "waited": "its turn",
        "first_token": "first token",
        "first_clause": "first clause",
        "first_audio": "first audio",
        "first_packet": "first packet",
    }
)
"""What a reply can wait for: the stages of a trace in the order in which they depend on each other, and their names."""
_WORK = ("first_token", "first_clause", "first_audio")
"""The stages that follow the words of the turn, and so come earlier if the words do."""
BLOCKS: Mapping[str, str] = MappingProxyType(dict(zip(WAITS, "█▓▀▒▄░▁", strict=True)))
"""The character that draws the wait for each stage."""
EARLIEST_END = 1000 * TurnSettings().finished_wait_open + 60
"""A turn that ends within this many milliseconds after its last voiced sample need not have waited for its words."""
SOON_AFTER = 60.0
"""A turn that ends at most this many milliseconds after its words are known has waited for them."""
SHORTEST_SHOWN = 0.5
"""Waits that are shorter than this many milliseconds are not in the legend, unless they are drawn."""
BAR_WIDTH = 20
"""Characters of the longest bar. With the milliseconds after it, a line fits on a phone."""
REPLIES_SHOWN = 3
"""Number of the newest replies that get a bar."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A part of the time before a reply's first packet, in which the reply waited for one stage.

    Attributes:
        stage: the stage, a key of :data:`WAITS`.
        ms: length of the wait in milliseconds.
    """

    stage: str
    ms: float


def waits_of(trace: ReplyTrace) -> tuple[Wait, ...]:
    """Split the time before the first packet by what the reply waited for. The parts add up to ``first_packet``.

    Stages overlap: recogniser, model and voice work while the bot still waits for the end of the turn. At each moment,
    the reply waits for the first stage of :data:`WAITS` that is not reached yet. So a stage that was reached while the
    reply still waited for an earlier one is not in the result, because it delayed nothing.

    Returns:
        The waits in order, without empty ones. Nothing if no sound of the reply was sent.
    """
    if trace.first_packet is None:
        return ()
    waits, reached = [], 0.0
    for stage in WAITS:
        at = getattr(trace, stage)
        if at is not None and min(at, trace.first_packet) > reached:
            waits.append(Wait(stage, min(at, trace.first_packet) - reached))
            reached = min(at, trace.first_packet)
    return tuple(waits)


def waits_as_json(trace: ReplyTrace) -> dict[str, float]:
    """The waits of a reply in milliseconds, by stage, for files."""
    return {wait.stage: round(wait.ms, 2) for wait in waits_of(trace)}


def end_waited_for_words(trace: ReplyTrace) -> bool:
    """Whether the end of the turn was late because its words were late.

    The bot waits for the words, for a limited time, before it takes a turn for finished. A turn that ended at
    :data:`EARLIEST_END` or before did not have to wait for them, for example because a push-to-talk key was released.
    """
    if trace.turn_ended is None or trace.transcribed is None:
        return False
    return trace.turn_ended > EARLIEST_END and trace.transcribed >= trace.turn_ended - SOON_AFTER


def with_earlier_words(trace: ReplyTrace, ms: float) -> ReplyTrace:
    """The trace as it would be if the words had come ``ms`` milliseconds earlier (later, if negative).

    The words come at the first sign of a pause at the earliest. The work that follows the words moves with them, and so
    does the end of the turn if it has waited for the words. The first packet follows the end of the turn and the first
    sound, whichever is later, at the same distance as before.
    """
    if trace.first_packet is None or trace.transcribed is None:
        return trace
    ms = min(ms, trace.transcribed - (trace.speech_paused or 0.0))
    moved: dict[str, Any] = {
        stage: max(0.0, at - ms) for stage in ("transcribed", *_WORK) if (at := getattr(trace, stage)) is not None
    }
    if trace.turn_ended is not None and end_waited_for_words(trace):
        with_words = max(trace.turn_ended, trace.transcribed) - ms
        moved["turn_ended"] = max(EARLIEST_END, with_words if ms < 0 else min(trace.turn_ended, with_words))
    earlier = replace(trace, waited=max(0.0, trace.waited - ms), **moved)
    sent = trace.first_packet - _ready(trace)
    return replace(earlier, first_packet=_ready(earlier) + sent)


def _ready(trace: ReplyTrace) -> float:
    """When the end of the turn and the first sound were both there."""
    return max(at for at in (trace.turn_ended, trace.transcribed, trace.first_audio, 0.0) if at is not None)


def bars(traces: Sequence[ReplyTrace]) -> list[str]:
    """Draw a bar for each of the newest replies that were heard, and a legend with the milliseconds.

    Only replies to spoken turns are drawn, if there are any: those to typed messages have no end of turn to wait for.

    Args:
        traces: the replies of a call, the newest last.

    Returns:
        Lines of about 30 characters, for a font whose characters all have the same width. The newest reply is the last
        bar. The legend has the waits of the newest reply and the median waits of all replies. No lines if no reply was
        heard.
    """
    spoken = [trace for trace in traces if trace.turn_ended is not None and trace.first_packet is not None]
    heard = [waits for trace in spoken or traces if (waits := waits_of(trace))]
    if not heard:
        return []
    shown = heard[-REPLIES_SHOWN:]
    longest = max(_total(waits) for waits in shown)
    drawn = [_bar(waits, longest) for waits in shown]
    lines = [f"{bar:<{BAR_WIDTH}} {_total(waits):5.0f} ms" for bar, waits in zip(drawn, shown, strict=True)]
    return [*lines, *_legend(heard, "".join(drawn))]


def median_waits(replies: Sequence[Sequence[Wait]]) -> dict[str, float]:
    """The median wait for each stage, in milliseconds. A reply that did not wait for a stage counts as 0.

    Raises:
        statistics.StatisticsError: there are no replies.
    """
    by_reply = [{wait.stage: wait.ms for wait in waits} for waits in replies]
    return {stage: statistics.median(waits.get(stage, 0.0) for waits in by_reply) for stage in WAITS}


def _legend(heard: Sequence[Sequence[Wait]], drawn: str) -> list[str]:
    """The names of the stages with their milliseconds. ``drawn`` has all characters of the bars."""
    last, medians = {wait.stage: wait.ms for wait in heard[-1]}, median_waits(heard)
    rows = [
        f"{BLOCKS[stage]} {WAITS[stage]:<13}{last.get(stage, 0.0):7.0f} {medians[stage]:7.0f}"
        for stage in WAITS
        if max(last.get(stage, 0.0), medians[stage]) >= SHORTEST_SHOWN or BLOCKS[stage] in drawn
    ]
    return [f"{'ms':15}{'last':>7} {'median':>7}", *rows]


def _bar(waits: Sequence[Wait], longest: float) -> str:
    """A bar whose parts are as wide as the waits. Each part ends where its wait does, so that no rounding adds up."""
    bar, at = "", 0.0
    for wait in waits:
        at += wait.ms
        bar += BLOCKS[wait.stage] * (round(BAR_WIDTH * at / longest) - len(bar))
    return bar


def _total(waits: Sequence[Wait]) -> float:
    return sum(wait.ms for wait in waits)
