"""Tests of speculative replies: those that are prepared at a pause, before it is certain that the person has finished.

They stay within their budget, and nothing of a discarded one is heard, shown or remembered.
"""

from __future__ import annotations

import asyncio
import random

import pytest

from bot.voice.speculation import PERIOD, Speculation
from bot.voice.turn import TurnId
from tests.timing import wait_until
from tests.voice.dialogue.talk import Talk, answer_to, prompt_of, talking

ADA = 7


async def turn(talk: Talk, number: int, guessed: str, said: str) -> None:
    """Have Ada pause after ``guessed``, and end her turn with ``said``. Returns when she has her answer."""
    which = TurnId(ADA, number)
    talk.conversation.speculate(prompt_of(which, guessed))
    await asyncio.sleep(0)
    if guessed != said:
        talk.conversation.discard(which)
    talk.conversation.commit(prompt_of(which, said))
    await talk.quiet()


async def test_the_answer_of_a_right_speculative_reply_is_used_and_the_model_is_asked_only_once() -> None:
    async with talking() as talk:
        await turn(talk, 1, "what's up?", "what's up?")
        assert talk.responder.asked == ["what's up?"]
        assert talk.remembered == ["what's up?", answer_to("what's up?").strip()]


@pytest.mark.parametrize("said", ["What's up", "what's up.", "What's up?"])
async def test_a_speculative_reply_with_the_same_words_is_used_even_if_case_and_punctuation_differ(said: str) -> None:
    async with talking() as talk:
        which = TurnId(ADA, 1)
        talk.conversation.speculate(prompt_of(which, "what's up?"))
        talk.conversation.speculate(prompt_of(which, said))
        await asyncio.sleep(0)
        talk.conversation.commit(prompt_of(which, said))
        await talk.quiet()
        assert talk.responder.asked == ["what's up?"]
        assert talk.remembered[0] == said, "what was really said is remembered"


@pytest.mark.parametrize("said", ["what's up there?", "what's down?", "3.5", "-5", "5 %", "…"])
async def test_a_speculative_reply_with_other_words_is_thrown_away(said: str) -> None:
    async with talking() as talk:
        which = TurnId(ADA, 1)
        for guess in ("what's up?" if said[0] == "w" else "35" if "3" in said else "5" if "5" in said else "?", said):
            talk.conversation.speculate(prompt_of(which, guess))
            await asyncio.sleep(0)
        talk.conversation.commit(prompt_of(which, said))
        await talk.quiet()
        assert talk.responder.asked[-1] == said
        assert len(talk.responder.asked) == 2
        assert talk.shown == answer_to(said)


async def test_once_the_budget_of_discarded_replies_is_spent_no_reply_begins_before_its_turn_ends() -> None:
    async with talking(Speculation(wrong_a_minute=2)) as talk:
        for number in range(1, 6):
            await turn(talk, number, f"number {number} is", f"number {number} is mine.")
        wrong = [text for text in talk.responder.asked if text.endswith("is")]
        assert wrong == ["number 1 is", "number 2 is"]
        assert [event.text for event in talk.taken] == [f"number {number} is mine." for number in range(1, 6)]
        talk.clock.pass_by(PERIOD)
        await turn(talk, 6, "number 6 is", "number 6 is mine.")
        assert "number 6 is" in talk.responder.asked, "the budget is full again"


async def test_used_speculative_replies_use_no_budget() -> None:
    async with talking(Speculation(wrong_a_minute=1)) as talk:
        for number in range(1, 6):
            which = TurnId(ADA, number)
            talk.conversation.speculate(prompt_of(which, f"number {number}."))
            await wait_until(lambda: talk.responder.asked[-1:] == [f"number {len(talk.taken) + 1}."])
            talk.conversation.commit(prompt_of(which, f"number {number}."))
            await talk.quiet()
        assert talk.responder.asked == [f"number {number}." for number in range(1, 6)]


async def test_a_speculative_reply_is_not_replaced_if_two_wrong_ones_would_exceed_the_budget() -> None:
    async with talking(Speculation(wrong_a_minute=1)) as talk:
        which = TurnId(ADA, 1)
        for text in ("I", "I am", "I am here"):
            talk.conversation.speculate(prompt_of(which, text))
            await asyncio.sleep(0)
        assert talk.responder.asked == ["I"], "two wrong ones would exceed the budget"


async def test_without_speculation_the_model_is_asked_when_the_turn_ends() -> None:
    async with talking(Speculation(replies=False)) as talk:
        which = TurnId(ADA, 1)
        talk.conversation.speculate(prompt_of(which, "what's up?"))
        await asyncio.sleep(0.01)
        assert talk.responder.asked == []
        talk.conversation.commit(prompt_of(which, "what's up?"))
        assert talk.conversation.answering, "the model is asked at once"
        await talk.quiet()
        assert talk.responder.asked == ["what's up?"]
        assert talk.shown == answer_to("what's up?")


async def test_a_voice_that_may_not_speculate_gets_the_text_when_the_turn_ends() -> None:
    async with talking(Speculation(voice=False)) as talk:
        await turn(talk, 1, "wrong", "right")
        assert list(talk.voice.sent.values()) == [answer_to("right")], (
            "no word of the discarded reply was sent to the voice"
        )
        which = TurnId(ADA, 2)
        talk.conversation.speculate(prompt_of(which, "again?"))
        await wait_until(lambda: talk.responder.asked[-1] == "again?" and talk.responder.open == 0)
        assert len(talk.voice.sent) == 1, "the answer is complete, and the voice does not know it yet"
        talk.conversation.commit(prompt_of(which, "again?"))
        await talk.quiet()
        assert list(talk.voice.sent.values())[1] == answer_to("again?")
        assert talk.responder.asked.count("again?") == 1


async def test_the_trace_has_the_tokens_of_the_reply_that_was_heard() -> None:
    async with talking() as talk:
        await turn(talk, 1, "wrong", "right")
        (ended,) = talk.ended
        assert (ended.trace.prompt_tokens, ended.trace.cached_tokens) == (100 + len(talk.responder.asked), 90)


async def test_an_idle_model_reads_the_conversation_so_far_while_somebody_speaks() -> None:
    async with talking() as talk:
        talk.conversation.read_ahead("Ada")
        await wait_until(lambda: talk.responder.read == ["Ada: "])
        talk.conversation.read_ahead("Ada", "what's")
        await wait_until(lambda: talk.responder.read == ["Ada: ", "Ada: what's"])
        talk.responder.may_answer.clear()
        talk.conversation.commit(prompt_of(TurnId(ADA, 1), "what's up?"))
        talk.conversation.read_ahead("Ben")
        talk.responder.may_answer.set()
        await talk.quiet()
        assert len(talk.responder.read) == 2, "the model has to answer Ada"
        assert talk.shown == answer_to("what's up?"), "nothing of what was read ahead is shown"


async def test_a_slow_model_is_not_given_more_to_read_than_it_can() -> None:
    async with talking() as talk:
        talk.responder.may_read.clear()
        for words in ("what's", "what's up", "what's up with"):
            talk.conversation.read_ahead("Ada", words)
        talk.responder.may_read.set()
        await wait_until(lambda: talk.responder.read == ["Ada: what's"])
        talk.conversation.read_ahead("Ada", "what's up with you")
        await wait_until(lambda: talk.responder.read == ["Ada: what's", "Ada: what's up with you"])


async def test_without_speculation_an_idle_model_does_nothing_while_somebody_speaks() -> None:
    async with talking(Speculation(replies=False)) as talk:
        talk.conversation.read_ahead("Ada")
        talk.conversation.read_ahead("Ada", "what's")
        await turn(talk, 1, "what's up?", "what's up?")
        assert talk.responder.read == []


@pytest.mark.parametrize("voice", [True, False])
@pytest.mark.parametrize("seed", range(3))
async def test_in_a_hundred_turns_nothing_wrong_or_cancelled_is_heard_shown_or_remembered(
    seed: int, voice: bool
) -> None:
    dice = random.Random(seed)
    async with talking(Speculation(voice=voice, wrong_a_minute=10)) as talk:
        committed: list[str] = []
        for number in range(1, 101):
            which, said = TurnId(ADA, number), f"sentence {number} to its end."
            talk.clock.pass_by(dice.choice((0.5, 2.0, 9.0)))
            for _ in range(dice.randint(0, 3)):
                guess = said if dice.random() < 0.4 else f"only {number}-{dice.randint(1, 9)}"
                if dice.random() < 0.5:
                    talk.conversation.read_ahead("Ada", guess)
                talk.conversation.speculate(prompt_of(which, guess))
                await steps(dice.randint(0, 25))
                if dice.random() < 0.5:
                    talk.conversation.discard(which)
            if dice.random() < 0.15:
                talk.conversation.discard(which)
                continue
            talk.conversation.commit(prompt_of(which, said))
            committed.append(said)
            await steps(dice.randint(0, 25))
            match dice.randint(0, 4):
                case 0:
                    talk.conversation.stop()
                case 1:
                    other = TurnId(ADA + 1, number)
                    talk.conversation.interruption_started(other)
                    await steps(dice.randint(0, 5))
                    talk.conversation.interruption_confirmed(other)
                    talk.conversation.release_floor(other)
                case _:
                    pass
            await talk.quiet()
        await talk.quiet()

        answered = [event.text for event in talk.taken if not event.late]
        assert answered == committed, "each turn was answered, in order"
        assert talk.playback.audible <= {event.reply for event in talk.taken}
        answers = {answer_to(text) for text in committed}
        assert all(any(event.heard in answer for answer in answers) for event in talk.ended)
        everything = f"{talk.shown} {' '.join(talk.remembered)} {' '.join(event.heard for event in talk.ended)}".lower()
        assert "only" not in everything
        assert len(talk.responder.asked) > len(committed), "some speculative replies were wrong"
        assert talk.responder.open == 0


async def steps(count: int) -> None:
    """Let the other tasks go on for this number of steps."""
    for _ in range(count):
        await asyncio.sleep(0)
