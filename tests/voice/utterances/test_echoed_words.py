"""The bot's own words are recognised as echo in a transcript. Answers that repeat some of the words are not."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.voice.utterances.classifier import is_echo

SPOKEN = (
    "Well, the weather in Paris is lovely today. It's about twenty degrees and sunny, so you could go for a walk along "
    "the river. Okay, would you like me to suggest a restaurant? Yes, I know a good one near the station."
)


@pytest.mark.parametrize(
    "heard",
    [
        "The weather in Paris is lovely today.",
        "whether in Paris is lovely to day its about",
        "egrees and sunny so you could go for a wa",
        "Okay, would you like me to suggest a restaurant?",
        "Twenty degrees in sunny, so you could go.",
        SPOKEN,
    ],
)
def test_words_of_the_bot_are_an_echo_even_if_cut_or_misheard(heard: str) -> None:
    assert is_echo(heard, SPOKEN)


@pytest.mark.parametrize(
    "heard",
    [
        "",
        "Okay.",
        "Yes.",
        "Yes, okay.",
        "Near the station?",
        "Would you?",
        "Go for a walk!",
        "Yes, I would like that.",
        "I would like you to suggest a restaurant.",
        "The weather in London is awful today.",
        "What did you say about the weather in Paris?",
        "A walk along the river sounds nice.",
        "The weather in Paris is lovely today, but what will it be like in Rome tomorrow?",
        SPOKEN + " And what else could I do there?" * 5,
    ],
)
def test_answers_of_people_are_no_echo(heard: str) -> None:
    assert not is_echo(heard, SPOKEN)


def test_echoes_are_recognised_in_scripts_without_spaces() -> None:
    assert is_echo("とても天気がいいですね", "今日はとても天気がいいですね。散歩に行きましょうか。")
    assert is_echo("我们去公园散步吧", "今天天气很好，我们去公园散步吧。")
    assert not is_echo("はい", "はい、そうです。")
    assert not is_echo("好，走吧", "好，我们走吧。")


@given(st.text(), st.text())
def test_any_two_texts_are_compared_without_an_error(heard: str, spoken: str) -> None:
    is_echo(heard, spoken)


@given(st.text(alphabet="abcdefghij ", min_size=30, max_size=200), st.data())
def test_every_long_stretch_of_words_of_the_bot_is_an_echo(spoken: str, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(spoken)))
    heard = spoken[begin : begin + data.draw(st.integers(20, 200))]
    # Fewer than 18 letters are never taken for an echo, because people may repeat short phrases.
    assert is_echo(heard, spoken) is (len(heard.replace(" ", "")) >= 18)


def test_half_a_minute_of_words_is_compared_without_holding_up_the_call() -> None:
    spoken, heard = SPOKEN * 3, SPOKEN * 2
    begin = time.process_time()
    assert is_echo(heard, spoken)
    assert time.process_time() - begin < 0.1
