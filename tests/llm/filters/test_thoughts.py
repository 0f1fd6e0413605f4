"""Thoughts that a model writes into its reply are left out. Ordinary text that looks similar stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.llm.filters.chain import Retraction
from bot.llm.filters.thoughts import ThoughtFilter
from tests.llm.filters.cutting import let_through, results


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("<think>", "</think>"),
        ("<THINK>", "</THINK>"),
        ("<thinking>", "</thinking>"),
        ("<Thought>", "</Thought>"),
        ("<thoughts>", "</thoughts>"),
        ("<reasoning>", "</reasoning>"),
        ("<reason>", "</reason>"),
        ("<reflection>", "</reflection>"),
        ("<analysis>", "</analysis>"),
        ("<scratchpad>", "</scratchpad>"),
        ("<think budget='200' lang=\"en\">", "</think>"),
        ("< think >", "</ think >"),
        ("<think\n>", "</think\n>"),
        ("<seed:think>", "</seed:think>"),
        ("<thinking>", "</thinking>"),
        ("<inner_monologue>", "</inner_monologue>"),
        ("<think:opensource>", "</think:opensource>"),
        ("<chain-of-thought>", "</chain-of-thought>"),
        ("<REASONING_SCRATCHPAD>", "</REASONING_SCRATCHPAD>"),
        ("<|startofthought|>", "<|endofthought|>"),
        ("<|think|>", "<|end|><|begin|>assistant<|content|>"),
        ("<|im_start|>think\n", "<|im_start|>answer\n"),
        ("[THINK]", "[/THINK]"),
        ("◁think▷", "◁/think▷"),
        ("<|begin_of_thought|>", "<|end_of_thought|>"),
        ("<|START_THINKING|>", "<|END_THINKING|>"),
        ("<|think|>", "<|/think|>"),
        ("<|thinking_start|>", "<|thinking_end|>"),
        ("<|inner_prefix|>", "<|inner_suffix|>"),
        ("<|channel>thought\n", "<channel|>"),
        ("<unused94>thought\n", "<unused95>"),
        ('<details type="reasoning" done="true">\n<summary>Thought for 2 s</summary>', "</details>"),
        ("Here is my thought process:", "Here is my response:"),
        ("**Here's my thought process:**", "**Here's my response:**"),
        ("analysis", "assistantfinal"),
    ],
)
def test_the_thoughts_of_every_model_family_are_dropped(opening: str, closing: str) -> None:
    text = f"{opening}They < greet > me. [Hm] `x`{closing}\n\nHello there."
    assert results(ThoughtFilter, text) == {"Hello there."}


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("One <think>Hm.</think>two<think>x</think>.", "One two."),
        ("<think>never closed", ""),
        ("<<think>x</think>b", "<b"),
        ("<think><think>x</think>y", "y"),
        ("<think>x</think>y</think>z", "yz"),
        ("<think/>Hello.", "Hello."),
        ("</think>\n\nHello.", "Hello."),
        ("<thinking>One.<reflection>Two?</reflection>Three.</thinking>Hello.", "Hello."),
        ("<thought>Shall I write <think>? No.</thought>Hello.", "Hello."),
        ("<think>The end mark is `</think>`, I know.</think>Hello.", "Hello."),
        # The thought is closed by another family's mark, and not by its own. The words after that mark are not lost.
        ("<think>They greet me.</thinking>Hello.", "Hello."),
        ("<think>Hm.</think><answer>\nHello.\n</answer>", "Hello.\n"),
        ("<think>Hm.</think>\n<response>Hello.</response>", "Hello."),
        ("<|begin_of_thought|>Hm.<|end_of_thought|><|begin_of_solution|>Hello.<|end_of_solution|>", "Hello."),
        ("<|START_THINKING|>Hm.<|END_THINKING|><|START_RESPONSE|>Hello.<|END_RESPONSE|>", "Hello."),
        ("<think>Hm.</think><|begin_of_box|>Hello.<|end_of_box|>", "Hello."),
        ("analysisUser calls.assistantcommentary to=functions.x{}assistantfinalHello.", "Hello."),
        ("assistantfinalHello.", "Hello."),
    ],
)
def test_thoughts_are_distinguished_from_other_text(text: str, spoken: str) -> None:
    assert results(ThoughtFilter, text) == {spoken}


@pytest.mark.parametrize(
    "text",
    [
        "Hello.",
        "I think <3 you, and 1 < 2 > 0.",
        "a < b <thin",
        "A thoughtful <thoughtful> [think] of [THINKING].",
        "Type /ban <user> <reason> to ban somebody.",
        "In R1's template, `<think>` opens a thought and `</think>` closes it.",
        "```xml\n<think>\nHm.\n</think>\n```\nThat is all.",
        "Here is my plan: we go.",
        "Here is my thought process: first I look, then I leap.",
        "analysis of variance, final exam, Analysis",
        "Hash, hush, *hm*, final answer.",
        "<details>\n<summary>More</summary>\nText</details>",
        "Write <answer> there </answer> please",
        "日本語 <日本> ◁ ▷",
    ],
)
def test_ordinary_text_that_looks_similar_survives(text: str) -> None:
    assert results(ThoughtFilter, text) == {text}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("The user greets me. </think>Hello there.", "Hello there."),
        ("The user greets me.[/THINK] Hello there.", "Hello there."),
        ("One. </think>Two. <think>Three.</think>Four.", "Two. Four."),
    ],
)
def test_a_closing_mark_without_an_opening_one_retracts_the_text_before_it(text: str, left: str) -> None:
    assert results(ThoughtFilter, text) == {left}
    thoughts = ThoughtFilter()
    assert any(isinstance(piece, Retraction) for piece in thoughts.feed(text))
    assert thoughts.began_inside


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("The user greets me. </think>\n\nHello there.", "Hello there."),
        ("Is <think> a mark? </think>Hello.", "Hello."),
        ("<think>Hm.</think>Hello.", "Hello."),
        ("</think>Hello.", "Hello."),
        ("Hello there. I never thought.", "Hello there. I never thought."),
    ],
)
def test_the_thought_is_dropped_from_a_reply_known_to_begin_inside_one(text: str, spoken: str) -> None:
    assert results(lambda: ThoughtFilter(begins_inside=True), text) == {spoken}


def test_nothing_is_said_before_the_mark_of_a_reply_known_to_begin_inside_a_thought() -> None:
    thoughts = ThoughtFilter(begins_inside=True)
    assert "".join(thoughts.feed("The user greets me.")) == ""
    assert "".join(thoughts.feed("</think>Hello")) == "Hello"


def test_a_thought_that_uses_up_the_tokens_is_not_said() -> None:
    thoughts = ThoughtFilter(begins_inside=True)
    assert "".join(thoughts.feed("The user greets me and")) == ""
    thoughts.cut_off()
    assert "".join(thoughts.finish()) == ""


def test_the_mark_of_another_family_does_not_end_a_thought_that_uses_up_the_tokens() -> None:
    thoughts = ThoughtFilter()
    assert "".join(thoughts.feed("<think>I must not write </thinking> here, so")) == ""
    thoughts.cut_off()
    assert "".join(thoughts.finish()) == ""


def test_nothing_is_withheld_if_a_server_sends_thoughts_separately() -> None:
    thoughts = ThoughtFilter(begins_inside=True)
    thoughts.separate()
    assert "".join(thoughts.feed("Hello the")) == "Hello the"


@pytest.mark.parametrize(
    "text",
    [
        "<antThinking>They greet.</antThinking>Hello.",
        "<plan>\nThey greet.\n</plan>\nHello.",
        "<rationale>They greet.</rationale>Hello.",
        "<思考>They greet.</思考>Hello.",
        "[think]They greet.[/think]Hello.",
        "&lt;think&gt;They greet.&lt;/think&gt;Hello.",
        "＜think＞They greet.＜/think＞Hello.",
        "```thinking\nThey greet.\n```\nHello.",
        "**Thinking:** They greet. **Answer:** Hello.",
        "Thinking Process:\n\n1. They greet.\n</think>\n\nHello.",
        "Thought: they greet.\nFinal Answer: Hello.",
        "analysisthey greet.assistantfinalHello.",
    ],
)
def test_thoughts_with_unusual_marks_are_dropped(text: str) -> None:
    assert {spoken.strip() for spoken in results(ThoughtFilter, text)} == {"Hello."}


@pytest.mark.parametrize(
    "text",
    [
        "<plan> is what you write there.",
        "Reasoning: it is cold, so the answer: stay in.",
        "Thinking of you!",
        "[think] The bot ponders.",
        "analysis of the sample",
        "AT&T &lt;3 <思",
    ],
)
def test_words_that_only_look_like_marks_are_said(text: str) -> None:
    assert results(ThoughtFilter, text) == {text}


def test_a_thought_that_begins_in_its_own_field_and_goes_on_in_the_text_is_dropped() -> None:
    thoughts = ThoughtFilter()
    thoughts.separate()
    assert let_through(thoughts, ["They greet. ", "</think>\n", "Hello."]) == "Hello."


def test_a_superfluous_mark_at_the_end_retracts_nothing() -> None:
    thoughts = ThoughtFilter()
    thoughts.separate()
    assert let_through(thoughts, ["Hello.", "</think>", "\n"]).strip() == "Hello."


@pytest.mark.parametrize("text", ["Hello the", "Hi, Ada", "I <3 y", "a [b", "`a` b"])
def test_words_are_not_held_back(text: str) -> None:
    thoughts = ThoughtFilter()
    assert "".join("".join(thoughts.feed(character)) for character in text) == text


PIECES = ["<", "think", ">", "</", "/", "a", " ", "`", "\n", "```", "<think>", "</think>", "[THINK]", "</thinking>"]
MORE_PIECES = ["<reason>", "<answer>", "</answer>", "Here is my response:", "<|channel>", "<channel|>"]


@given(st.lists(st.sampled_from([*PIECES, *MORE_PIECES]), max_size=20), st.booleans())
def test_the_division_into_pieces_makes_no_difference(pieces: list[str], begins_inside: bool) -> None:
    def said(parts: list[str]) -> str:
        return let_through(ThoughtFilter(begins_inside=begins_inside), parts)

    whole = "".join(pieces)
    assert said(pieces) == said([whole]) == said(list(whole))
