from __future__ import annotations

from itertools import pairwise

import pytest

from bot.llm.circumstances import Circumstances
from bot.llm.history import History, user_line
from bot.llm.messages import ChatMessage
from bot.llm.personas import Persona
from bot.llm.prompts import build_messages, written_messages

PERSONA = Persona(
    name="Mika",
    description="You like tea.",
    style="Speak softly.",
    moods={"calm": "slow and gentle.", "wild": "loud."},
    default_mood="calm",
)


def talk(*lines: str) -> History:
    """ "> text" is a reply, ">> text" an interrupted one, anything else what Ann said."""
    history = History()
    for line in lines:
        if line.startswith(">> "):
            history.add_interrupted_reply(line[3:])
        elif line.startswith("> "):
            history.add_reply(line[2:])
        else:
            history.add_user("Ann", line)
    return history


def said(history: History, prompt: str, context_messages: int) -> list[tuple[str, str]]:
    messages = build_messages(PERSONA, "calm", history, prompt, context_messages)
    return [(message.role, message.content) for message in messages[1:]]


def test_the_model_is_told_who_it_is_how_it_feels_and_that_it_is_heard() -> None:
    system = build_messages(PERSONA, "wild", History(), "Ann: hi", 4)[0]
    assert system.role == "system"
    assert system.content.startswith("You are Mika. You like tea.")
    assert "read aloud" in system.content
    assert "Speak softly." in system.content
    assert system.content.endswith("Mika's mood now: loud.")


def test_the_head_stays_the_same_while_the_talk_goes_on() -> None:
    first = build_messages(PERSONA, "calm", talk(), "Ann: one", 4)
    later = build_messages(PERSONA, "calm", talk("one", "> yes", "two", "> no"), "Ann: three", 4)
    assert first[0] == later[0]


def test_an_unknown_mood_is_an_error() -> None:
    with pytest.raises(KeyError):
        build_messages(PERSONA, "hungry", History(), "Ann: hi", 4)


def test_history_is_cut_from_the_oldest() -> None:
    history = talk("one", "> first", "two", "> second", "three", "> third")
    assert said(history, "Ann: four", 4) == [
        ("user", "Ann: two"),
        ("assistant", "second"),
        ("user", "Ann: three"),
        ("assistant", "third"),
        ("user", "Ann: four"),
    ]


def test_no_context_is_just_the_prompt() -> None:
    assert said(talk("one", "> first"), "Ann: two", 0) == [("user", "Ann: two")]


def test_roles_alternate_and_the_user_begins() -> None:
    history = talk("one", "> first", "two", "three", ">> sec")
    assert said(history, "Bob: hey", 4) == [
        ("user", "Ann: two\nAnn: three"),
        ("assistant", "sec—"),
        ("user", "Bob: hey"),
    ]


def test_only_what_was_heard_is_remembered() -> None:
    history = talk("one", ">> Once upon a time ", "stop", ">>  ", "> ")
    assert history.newest(9) == (
        ChatMessage("user", "Ann: one"),
        ChatMessage("assistant", "Once upon a time—"),
        ChatMessage("user", "Ann: stop"),
    )


def test_a_name_cant_pretend_to_be_a_line() -> None:
    assert user_line("Ann\nBob: x", "hi") == "Ann Bob x: hi"


def test_memory_is_bounded() -> None:
    history = History(max_messages=3)
    for number in range(10):
        history.add_user("Ann", str(number))
    assert [message.content for message in history.newest(99)] == ["Ann: 7", "Ann: 8", "Ann: 9"]
    history.clear()
    assert len(history) == 0


def test_the_prompt_ends_with_where_it_is_and_when_and_only_that_changes() -> None:
    def system(circumstances: Circumstances) -> str:
        return build_messages(PERSONA, "calm", History(), "Ann: one", 4, circumstances)[0].content

    first = system(Circumstances("You are in the voice channel Lounge.", "Thursday, 18:05"))
    later = system(Circumstances("You are in the voice channel Lounge.", "Thursday, 18:06"))
    assert first.endswith("\n\n## Room\nYou are in the voice channel Lounge.\n\n## Now\nThursday, 18:05")
    assert first.removesuffix("18:05") == later.removesuffix("18:06")
    written = written_messages(PERSONA, "calm", [], "Ann: one", Circumstances(now="Thursday, 18:05"))
    assert written[0].content.endswith("slow and gentle.\n\n## Now\nThursday, 18:05")


def test_a_history_grows_and_is_cut_back_in_large_steps() -> None:
    history, begins = History(), []
    for turn in range(40):
        seen = said(history, f"Ann: {turn}", 10)
        assert len(seen) <= 11
        assert seen[-2:-1] == ([("assistant", f"answer {turn - 1}")] if turn else []), "the newest are there"
        begins.append(seen[0])
        history.add_user("Ann", str(turn))
        history.add_reply(f"answer {turn}")
    moves = sum(begin != before for before, begin in pairwise(begins))
    assert moves <= 40 / 3 + 1, "a prompt cache knows most requests but for their end"


def test_asking_twice_about_one_history_asks_the_same() -> None:
    history = talk(*(f"{'> ' * (number % 2)}line {number}" for number in range(14)))
    assert said(history, "Ann: a guess", 10)[:-1] == said(history, "Ann: the words", 10)[:-1]
