"""Tests of a first call: a guest joins, types, and hears the bot speak, with end-to-end encryption."""

from __future__ import annotations

from bot.voice.turn import Outcome
from sandbox.recogniser import SentenceRecogniser
from tests.e2e.conftest import Stage
from toys.llm.phrases import TOY_PHRASES

ENGLISH = [phrase.answer for phrase in TOY_PHRASES if phrase.answer.isascii()]


async def test_a_guest_types_and_hears_the_right_answer_encrypted_from_end_to_end(stage: Stage) -> None:
    await stage.join()
    message = await stage.ask("How are you?")
    await stage.ada.wait_for_reaction(message, "🎤")
    (trace,) = await stage.turns(1)
    assert trace.outcome is Outcome.SPOKEN
    assert trace.underruns == 0
    assert stage.ada.voice.encrypted
    assert stage.ada.voice.receiver.undecryptable(stage.bot) == 0
    match = SentenceRecogniser(ENGLISH).closest(stage.ada.voice.receiver.pcm(stage.bot), 48_000, ENGLISH)
    assert match.text.startswith("I'm doing fine")
    assert match.agreement > 0.4
