"""Chat history: which turns it keeps, and which of them a model is shown."""

from __future__ import annotations

import pytest

from bot.llm.history import History, Turn
from bot.llm.messages import ChatMessage
from bot.llm.tool_calls import ToolCall

ADA, BEN = 1, 2


def texts(turns: tuple[Turn, ...]) -> list[str]:
    return [turn.text for turn in turns]


def talk(*lines: str) -> History:
    """Build turns: "> text" is a reply, ">> text" an interrupted reply, and any other text a turn of Ada."""
    history = History()
    for line in lines:
        if line.startswith(">> "):
            history.add(Turn.of_bot(line[3:], interrupted=True))
        elif line.startswith("> "):
            history.add(Turn.of_bot(line[2:]))
        else:
            history.add(Turn.of_person("Ada", line, ADA))
    return history


def test_only_the_heard_part_of_a_reply_is_kept() -> None:
    history = talk("one", ">> Once upon a time ", "stop", ">>  ", "> ")
    assert [turn.message for turn in history.newest(9)] == [
        ChatMessage("user", "Ada: one"),
        ChatMessage("assistant", "Once upon a time—"),
        ChatMessage("user", "Ada: stop"),
    ]


def test_a_name_cant_pretend_to_be_a_line() -> None:
    turn = Turn.of_person("Ann\nBob: x", "hi")
    assert turn.message.content == "Ann Bob x: hi"
    assert turn.speaker == "Ann Bob x"


def test_the_history_is_bounded() -> None:
    history = History(max_turns=3)
    for number in range(10):
        history.add(Turn.of_person("Ann", str(number)))
    assert texts(history.newest(99)) == ["7", "8", "9"]
    assert history.newest(0) == ()


def test_no_words_are_kept_of_people_who_no_longer_want_to_be_listened_to() -> None:
    history = talk("one", "> yes", "two")
    history.add(Turn.of_person("Ben", "Hello.", BEN))
    assert texts(history.recent(3, 2)) == ["two", "Hello."]
    history.forget(ADA)
    assert texts(history.newest(9)) == ["yes", "Hello."]
    assert texts(history.recent(3, 2)) == ["Hello."], "older turns that the model no longer saw do not come back"


def test_a_model_sees_the_newest_turns_that_fit_into_the_tokens() -> None:
    history = talk(*(f"line {number}" for number in range(10)))
    each = Turn.of_person("Ada", "line 0").message.tokens
    assert texts(history.recent(10, 10, 3 * each)) == ["line 7", "line 8", "line 9"]
    assert texts(history.recent(10, 10, 3 * each - 1)) == ["line 8", "line 9"]
    assert history.recent(10, 10, each - 1) == ()
    assert len(history.recent(10, 10)) == 10


@pytest.mark.parametrize("said", ["She greets me.", "She greets me", "She gre", "She greets me. Hello Ada."])
def test_a_reply_that_begins_like_a_thought_stays_out(said: str) -> None:
    history = talk("Hi!")
    history.drop_thought("She greets me.")
    history.add(Turn.of_bot(said, interrupted=True))
    assert texts(history.newest(9)) == ["Hi!"]
    history.add(Turn.of_bot("She sells sea shells."))
    assert texts(history.newest(9)) == ["Hi!", "She sells sea shells."]


def test_interrupted_replies_are_dropped_together_with_a_thought_because_they_may_be_thoughts_too() -> None:
    history = talk("Hi!", ">> She greets", "What?", "> A reply that ends so—")
    history.drop_thought("He asks.")
    assert texts(history.newest(9)) == ["Hi!", "What?", "A reply that ends so—"]
    assert texts(history.recent(9, 9)) == ["Hi!", "What?", "A reply that ends so—"]


def test_a_reply_can_call_tools_without_a_word_and_their_results_are_kept() -> None:
    calls = (ToolCall("a", "weather", "{}"),)
    history = talk("How warm is it?")
    history.add(Turn("assistant", "", "", calls=calls))
    history.add(Turn("tool", "weather", "5 degrees—", answers="a"))
    history.add(Turn.of_bot("It is", interrupted=True))
    history.drop_thought("He asks.")
    assert [turn.message for turn in history.newest(9)] == [
        ChatMessage("user", "Ada: How warm is it?"),
        ChatMessage("assistant", "", calls),
        ChatMessage("tool", "5 degrees—", answers="a"),
    ]
