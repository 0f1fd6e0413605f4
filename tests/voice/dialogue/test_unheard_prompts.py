"""A reply that is interrupted before anything of it was heard: its prompt is answered all the same, and stored once."""

from __future__ import annotations

import asyncio

import pytest

from bot.voice.turn import Prompt, TurnId
from tests.voice.dialogue.talk import Talk, answer_to, prompt_of, talking

FIRST, SECOND = TurnId(7, 1), TurnId(7, 2)
QUESTION = "what is the difference between a frog?"


async def interrupt_unheard(talk: Talk, prompt: Prompt) -> None:
    """Have the reply to ``prompt`` ended by words of Ada's second turn while the model still thinks about it."""
    talk.responder.may_answer.clear()
    if prompt.turn is None:
        talk.conversation.prompt(prompt)
    else:
        talk.conversation.commit(prompt)
    await asyncio.sleep(0)
    talk.conversation.interruption_started(SECOND)
    talk.conversation.interruption_confirmed(SECOND)
    talk.responder.may_answer.set()


@pytest.mark.parametrize(
    "prompt", [prompt_of(FIRST, QUESTION), Prompt("Ada", QUESTION, 0.0, 1, person=7)], ids=["spoken", "typed"]
)
async def test_the_prompt_is_answered_when_the_interrupting_turn_has_come_to_nothing(prompt: Prompt) -> None:
    async with talking() as talk:
        await interrupt_unheard(talk, prompt)
        talk.conversation.discard(SECOND)
        talk.conversation.release_floor(SECOND)
        await talk.quiet()
        assert talk.remembered == [QUESTION, answer_to(QUESTION).strip()]
        assert [event.late for event in talk.taken] == [False, True], (
            "the second reply is marked as late, so that records write the question once"
        )
        assert [event.heard for event in talk.ended] == ["", answer_to(QUESTION).strip()]


async def test_the_reply_to_a_person_who_speaks_on_knows_the_first_words() -> None:
    async with talking() as talk:
        await interrupt_unheard(talk, prompt_of(FIRST, QUESTION))
        talk.conversation.commit(prompt_of(SECOND, "and a toad?"))
        talk.conversation.release_floor(SECOND)
        await talk.quiet()
        assert talk.remembered == [QUESTION, "and a toad?", answer_to("and a toad?").strip()]
        assert talk.responder.asked == [QUESTION, "and a toad?"]
