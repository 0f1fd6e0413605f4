"""Tests of the end-of-turn rules, with sentences as Whisper writes them in the languages of the word lists."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.llm.history import Turn
from bot.voice.turns.end_of_turn import RuleBasedEndOfTurn

FINISHED = (
    "What time is it?",
    "What are you listening to?",
    "Yes.",
    "I am.",
    "That's a good idea",
    "If it rains, we stay at home.",
    "You could ask her about that.",
    "After the concert we went home.",
    "Why is the sky blue? During the day.",
    "For sure.",
    "In Berlin regnet es.",
    "On y va.",
    "I bought a car.",
    "My son likes hay.",
    "Wie spät ist es?",
    "Ich mag es.",
    "Ich komme mit.",
    "Quelle heure est-il ?",
    "J'aime beaucoup ce film.",
    "¿Qué hora es?",
    "Me gusta mucho la música.",
    "今日は何をしましたか？",
    "ありがとうございます。",
    "今天天气很好。",
    "你叫什么名字？",
    "Сколько сейчас времени?",
    "Мне нравится эта музыка.",
)
UNFINISHED = (
    "I went to the shop and",
    "I went to the.",
    "Could you tell me when the?",
    "So I was thinking, um.",
    "Because.",
    "I wanted to say...",
    "We could go by car, or.",
    "Ich glaube, dass.",
    "Gestern war ich im Kino und.",
    "Je voudrais une.",
    "Est-ce que tu peux.",
    "Creo que.",
    "Ayer fui al mercado y.",
    "昨日、友達と映画を",
    "えっと。",
    "我觉得",
    "因为。",
    "Я думаю, что.",
    "Мы поехали в.",
)


@pytest.mark.parametrize("text", FINISHED)
def test_a_finished_sentence_is_certainly_the_end(text: str) -> None:
    assert RuleBasedEndOfTurn().estimate(text) == 1.0


@pytest.mark.parametrize("text", UNFINISHED)
def test_an_unfinished_sentence_is_probably_not_the_end(text: str) -> None:
    assert RuleBasedEndOfTurn().estimate(text) <= 0.25


@pytest.mark.parametrize(
    "text", ["If it rains tomorrow.", "After the concert.", "I see. In this case.", "What now? If it rains."]
)
def test_half_a_sentence_has_an_estimate_between_finished_and_unfinished(text: str) -> None:
    assert 0.25 < RuleBasedEndOfTurn().estimate(text) < 1.0


@pytest.mark.parametrize(
    ("newest", "over"),
    [
        (Turn.of_bot("That is nice. When do you have time?"), 1.0),
        (Turn.of_bot("I have time."), 0.5),
        (Turn.of_person("Bea", "When do you have time?", 2), 1.0),
        (Turn.of_person("Bea", "I have time.", 2), 0.5),
        # The speaker's own question, which their pause has made a turn of its own.
        (Turn.of_person("Ada", "Where shall we eat?", 1), 1.0),
    ],
)
async def test_a_phrase_is_whole_only_after_a_question_whoever_asked_it(newest: Turn, over: float) -> None:
    history = [Turn.of_person("Ada", "I like music.", 1), newest]
    sound = np.zeros(16_000, np.float32)
    assert await RuleBasedEndOfTurn().probability(sound, "After the concert.", history) == over


async def test_words_that_need_a_continuation_are_no_whole_answer_even_to_a_question() -> None:
    history = [Turn.of_person("Ada", "I went to the", 1), Turn.of_bot("To the what?")]
    sound = np.zeros(16_000, np.float32)
    assert await RuleBasedEndOfTurn().probability(sound, "The shop.", history) == 1.0
    assert await RuleBasedEndOfTurn().probability(sound, "The shop and", history) == 0.0


@given(st.text())
@example("a. .")
def test_any_text_has_an_estimate(text: str) -> None:
    assert 0.0 <= RuleBasedEndOfTurn().estimate(text) <= 1.0
