"""Somebody talks while the bot tells a story."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from bot.voice.events import AnswerHeard
from bot.voice.reply import Outcome
from sandbox.guest import Guest
from sandbox.voice.hearing import HeardPacket
from tests.e2e.conftest import Stage
from tests.e2e.scripted_model import Answer
from tests.e2e.talking import REMARKS, Since, talk

BARGE_IN_LIMIT = 0.2
"""Seconds from the interrupter's first voiced packet to the last of the reply, both as they reach Ada's machine."""
STORY = "The lighthouse keeper counted every ship, and he wrote its name on the wall, and the wall grew very long."
ANSWER = "Very well."


def story_or_answer(line: str) -> Answer:
    """The script of the model: a story for Ada, a word for whoever interrupts it."""
    return Answer(ANSWER if any(remark in line for remark in REMARKS) else STORY)


@dataclass(frozen=True, slots=True)
class Interruption:
    """What Ada heard of one. ``silent_after`` is in seconds, below 0 where the bot had not begun or paused anyway."""

    silent_after: float
    heard: str
    answer: list[HeardPacket]


async def interrupt(stage: Stage, guest: Guest, remark: str) -> Interruption:
    """A guest says a remark into the story that is on; returns when they have been answered."""
    hearing, since, turns = stage.ada.voice.hearing, Since(stage), len(stage.traces)
    said = hearing.count(guest.id)
    await talk(guest, remark)
    interrupted, answered = (await stage.turns(turns + 2))[turns:]
    assert (interrupted.outcome, answered.outcome) == (Outcome.INTERRUPTED, Outcome.SPOKEN)
    await hearing.wait_for_silence(stage.bot, 0.1, timeout=5)
    begin = hearing.packets(guest.id)[said].arrival
    voice = hearing.voiced_packets(stage.bot)
    answer = [packet for packet in voice if packet.arrival > begin + BARGE_IN_LIMIT]
    story = [packet for packet in voice if packet.arrival <= begin + BARGE_IN_LIMIT]
    assert len(answer) * 20 == pytest.approx(answered.audio, abs=20), "something of the story was heard again"
    cut, whole = since.all(AnswerHeard)
    assert cut.interrupted
    assert STORY.startswith(cut.text)
    assert (whole.text, whole.interrupted) == (ANSWER, False)
    return Interruption(story[-1].arrival - begin if story else -1.0, cut.text, answer)
