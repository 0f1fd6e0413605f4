"""The whole chain of filters for replies of language models: which words are left to be said."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.llm.answer import MAX_CHARS, ReplyFilter, bounded_deltas, clean_text
from bot.llm.deltas import Delta
from bot.llm.filters.chain import Retraction
from bot.llm.messages import SpeakerNames
from bot.llm.thinking import ThinkingHabit
from tests.llm.filters.cutting import cuts, final_text

SPEAKERS = SpeakerNames(("Seiyuu",), ("Ada", "Ben"))
PARTS = [
    *("<think>", "</think>", "<thinking>", "[THINK]", "[/THINK]", "◁think▷", "<answer>", "</answer>", "<reason>"),
    *("<|channel|>", "<|message|>", "<|start|>", "<|end|>", "analysis", "final", "assistant", "<|im_end|>", "</s>"),
    *("Seiyuu", "Ada", ":", " ", "\n", "**", "`", "```", "<", ">", "Hello", "x.", "\ud83d", "\ude0a", "日"),
]


def read(pieces: list[str], *, begins_inside: bool = False, reason: str = "stop") -> list[str]:
    habit = ThinkingHabit()
    habit.begins_inside = habit.known = begins_inside
    reply = ReplyFilter(habit, SPEAKERS)
    said: list[str] = []
    for piece in pieces:
        if not reply.ended:
            said += reply.take(Delta(piece))
    if not reply.ended:
        said += reply.take(Delta(finished=True, reason=reason))
    return [*said, *reply.end()]


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("<think>She greets.</think>\nSeiyuu: Hello Ada.\nAda: Hi!", "Hello Ada."),
        ("She greets.</think>\n**Seiyuu:** Hello Ada.", "Hello Ada."),
        (
            "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Seiyuu: Hello.",
            "Hello.",
        ),
        ("<|channel|>final<|message|><think>Hm.</think>Hello.<|return|>", "Hello."),
        ("<think>Hm.</think><|im_start|>assistant\nSeiyuu: Hello.<|im_end|>", "Hello."),
        ("Hello.<|im_end|>\n<think>Next one.</think>", "Hello."),
        ("Ada: <think>Hm.</think>Hello.", "Hello."),
        ("Hello <th\ud83d\ude0aink>.", "Hello <th😊ink>."),
    ],
)
def test_the_filters_work_together_for_every_division_into_pieces(text: str, spoken: str) -> None:
    assert {final_text(read(pieces)).strip() for pieces in cuts(text)} == {spoken}


@given(st.lists(st.sampled_from(PARTS), max_size=16), st.booleans(), st.sampled_from(["stop", "length"]))
@example(["<|im_end|>", "\n", "</think>"], False, "stop")
@example(["<|im_end|>", "\n", "a"], False, "stop")
def test_the_division_into_pieces_makes_no_difference(pieces: list[str], begins_inside: bool, reason: str) -> None:
    whole = "".join(pieces)
    results = {
        final_text(read(parts, begins_inside=begins_inside, reason=reason)) for parts in (pieces, [whole], list(whole))
    }
    assert len(results) == 1


WORDS = st.text(st.sampled_from("ab .,!?\n'é日"), min_size=1, max_size=40)
PAIRS = [("<think>", "</think>"), ("<thinking>", "</thinking>"), ("[THINK]", "[/THINK]"), ("◁think▷", "◁/think▷")]


@given(WORDS, WORDS, st.sampled_from(PAIRS), st.integers(0, 80))
def test_no_thought_gets_out_and_no_word_is_lost(thought: str, answer: str, marks: tuple[str, str], place: int) -> None:
    text = f"{marks[0]}{thought}{marks[1]}{answer}"
    passed = read([text[:place], text[place:]])
    assert "".join(passed) == answer.lstrip()
    assert not any(isinstance(piece, Retraction) for piece in passed)


@given(WORDS)
def test_ordinary_words_pass_as_they_are(words: str) -> None:
    assert "".join(read(list(words))) == words.lstrip()


def replies(*steps: list[Delta]) -> list[str]:
    """The filtered texts of several replies of the same model, one after another."""
    habit = ThinkingHabit()
    passed = []
    for deltas in steps:
        reply = ReplyFilter(habit, SPEAKERS)
        said = [piece for delta in deltas for piece in reply.take(delta)]
        passed.append("|".join("⟲" if isinstance(piece, Retraction) else piece for piece in [*said, *reply.end()]))
    return passed


def test_a_thought_that_begins_in_its_own_field_and_goes_on_in_the_text_is_said_at_most_once() -> None:
    steps = [Delta(reasoning="They "), Delta("greet me."), Delta(" </think>Hello."), Delta(finished=True)]
    first, *later = replies(steps, steps, steps)
    assert first.endswith("|⟲|Hello.")
    assert later == ["Hello.", "Hello."]


def test_nothing_is_withheld_once_a_model_no_longer_continues_thoughts_in_the_text() -> None:
    steps = [Delta(reasoning="They "), Delta("greet me."), Delta(" </think>Hello."), Delta(finished=True)]
    plain = [Delta(reasoning="They greet."), Delta("Hello "), Delta("there."), Delta(finished=True)]
    assert replies(steps, plain, plain, plain)[1:] == ["Hello there.", "Hello there.", "Hello |there."]


def test_a_channel_whose_header_stood_in_the_prompt_is_said_at_most_once() -> None:
    text = "They greet.<|end|><|start|>assistant<|channel|>final<|message|>Hello."
    steps = [*map(Delta, text), Delta(finished=True)]
    first, *later = replies(steps, steps, steps)
    assert first.replace("|", "").endswith("⟲Hello.")
    assert [spoken.replace("|", "") for spoken in later] == ["Hello.", "Hello."]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("<think>A cat?</think>A cat on a mat.", "A cat on a mat."),
        ("A cat?</think>A cat on a mat.", "A cat on a mat."),
        ("  A cat on a mat.\n", "A cat on a mat."),
        ("<think>A cat", ""),
    ],
)
def test_thoughts_are_removed_from_a_whole_text(text: str, clean: str) -> None:
    assert clean_text(text) == clean


@given(st.integers(0, 3500), st.booleans())
def test_a_long_delta_that_is_split_into_parts_keeps_its_content(length: int, finished: bool) -> None:
    whole = Delta("x" * length, "Hm.", finished, "stop" if finished else "")
    steps = list(bounded_deltas(whole))
    assert "".join(step.text for step in steps) == whole.text
    assert "".join(step.reasoning for step in steps) == whole.reasoning
    assert [step.finished for step in steps] == [*[False] * (len(steps) - 1), finished]
    assert steps[-1].reason == whole.reason
    assert all(len(step.text) <= 1000 for step in steps)


def test_a_long_thought_of_a_whole_answer_is_never_passed_on() -> None:
    assert clean_text("Well. " * 1000 + "</think>Hello.") == "Hello."


def test_a_reply_without_end_is_cut_off() -> None:
    reply = ReplyFilter(ThinkingHabit())
    said = ""
    while not reply.ended:
        said += "".join(reply.take(Delta("word " * 200)))
    assert len(said) <= MAX_CHARS


@pytest.mark.parametrize("unit", ["<", "<|", "<th", "[", "`<", "\n", "Ada:\n", "<think>", "</think>"])
def test_text_that_was_made_to_be_slow_to_read_is_read_in_time(unit: str) -> None:
    """The text has thirty thousand characters. In the bot, the event loop gets a turn after each thousand."""
    text = unit * (30_000 // len(unit))
    began = time.process_time()
    clean_text(text)
    assert time.process_time() - began < 5
