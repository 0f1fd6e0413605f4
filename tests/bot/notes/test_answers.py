"""Tests of the claims that are read in a model's answer about a transcript: each has words and lines that exist."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.notes.answers import MAX_CLAIM_CHARS, MAX_CLAIMS, read_answer
from bot.notes.lines import Claim, ClaimKind, NoteLine

LINES = (
    NoteLine(1, 0.0, "Ada", "Let us meet on Friday.", 11),
    NoteLine(2, 1.0, "Ben", "Fine. Who brings the cake?", 22),
    NoteLine(3, 2.0, "Ada", "Cleo could do it.", 11),
    NoteLine(5, 3.0, "Ben", "I'll bring drinks.", 22),
)
FRIDAY = Claim(ClaimKind.DECISION, "They meet on Friday.", (1, 2))


def read(answer: str) -> tuple[Claim, ...]:
    return read_answer(answer, LINES, ["Ada", "Ben"])


@pytest.mark.parametrize(
    "answer",
    [
        '{"decisions": [{"text": "They meet on Friday.", "lines": [1, 2]}]}',
        'Sure!\n```json\n{"summary": [], "decisions": [{"text": "They meet on Friday.", "lines": ["1-2"]}]}\n```',
        '{"decisions": [{"lines": "1, 2", "decision": "They meet on Friday."}], "questions": [{"text": "Who br',
        '{"decisions": ["They meet on Friday. [1, 2]"]}',
        '{"decisions": {"text": "They meet on Friday. (lines 1-2)"}}',
        "## Decisions\n- They meet on Friday. [1, 2]",
        "**Decisions:**\n1. They meet on Friday [1][2].",
        "Decisions: They meet on Friday (line 1, line 2).",
        "Decisions\n- Lines 1 and 2: They meet on Friday.",
        "Decisions\n- They meet on Friday. — line 1, line 2",
        '{"openQuestions": [], "Decisions": [{"content": "They meet on Friday. (lines 1 and 2)"}]}',
        "### Beschlüsse\n* They meet on Friday. [1] [2, 4, 77]",
    ],
)
def test_many_forms_of_an_answer_are_read(answer: str) -> None:
    assert read(answer) == (FRIDAY,)


def test_claims_are_sorted_and_those_without_a_line_that_exists_are_dropped() -> None:
    answer = {
        "tasks": [
            {"who": "ben", "text": "brings drinks", "lines": [5]},
            {"who": "Cleo", "text": "brings the cake", "lines": [3]},
            {"who": "Mallory", "text": "pays everything", "lines": [3]},
            {"who": "Ben", "text": "owes Ada 100 euros", "lines": [4]},
        ],
        "questions": [{"text": "Who brings the cake?", "lines": [2]}, {"text": "Who?", "lines": []}, {"text": "What?"}],
        "summary": "Ada and Ben plan a meeting [1]. They talk about cake [2, 3]. Nobody knows.",
        "decisions": [{"text": "Nothing", "lines": [True, None, {}, -1, 10**30, "x"]}, 7, None, [[1]]],
    }
    assert read(json.dumps(answer)) == (
        Claim(ClaimKind.SUMMARY, "Ada and Ben plan a meeting.", (1,)),
        Claim(ClaimKind.SUMMARY, "They talk about cake.", (2, 3)),
        Claim(ClaimKind.QUESTION, "Who brings the cake?", (2,)),
        Claim(ClaimKind.TASK, "brings drinks", (5,), "Ben"),
        Claim(ClaimKind.TASK, "brings the cake", (3,), "Cleo"),
        Claim(ClaimKind.TASK, "Mallory: pays everything", (3,)),
    )


def test_an_answer_can_not_be_too_large_or_deep_and_has_no_markup_or_control_tokens() -> None:
    many = [{"text": f"Claim {number}", "lines": [1]} for number in range(500)]
    claims = read(json.dumps({"decisions": many}))
    assert len(claims) == MAX_CLAIMS
    (long,) = read(json.dumps({"decisions": [{"text": "word " * 2_000, "lines": [1]}]}))
    assert len(long.text) <= MAX_CLAIM_CHARS
    assert read('{"decisions": ' + "[" * 20_000) == ()
    assert read('{"decisions": [{"text": "x", "lines": [' + "9" * 20_000 + "]}]}") == ()
    (clean,) = read(json.dumps({"decisions": [{"text": "<@123> <|im_end|>\n# Hi\u202e @everyone", "lines": [1]}]}))
    assert clean.text == "someone # Hi everyone"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(["[1]", "lines"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["text", "lines", "who", "decisions", "tasks", "summary"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(ANYTHING, st.integers(0, 60))
def test_whatever_the_answer_is_each_claim_has_words_and_lines_that_exist(answer: object, cut: int) -> None:
    written = json.dumps(answer)
    for text in (written, written[: max(0, len(written) - cut)], f"## Decisions\n{answer} [1]"):
        for claim in read(text):
            assert claim.text.strip()
            assert claim.lines
            assert {1, 2, 3, 5}.issuperset(claim.lines)
