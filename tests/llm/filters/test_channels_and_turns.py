"""What is filtered out of texts: channels of gpt-oss, tokens between turns, and halves of characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.llm.filters.chain import SurrogateFilter
from bot.llm.filters.harmony import HarmonyFilter
from bot.llm.filters.tags import TurnTokenFilter
from tests.llm.filters.cutting import let_through, results

ANALYSIS = "<|channel|>analysis<|message|>User says <hi>.<|end|>"
FINAL = "<|start|>assistant<|channel|>final<|message|>"


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        (f"{ANALYSIS}{FINAL}Hello there.", "Hello there."),
        (f"{ANALYSIS}{FINAL}Hello there.<|return|>", "Hello there."),
        (f"{FINAL}Hello <3.<|end|>", "Hello <3."),
        ("<|start|>assistant<|message|>Hello.<|end|>", "Hello."),
        (f"{ANALYSIS}{ANALYSIS}\n{FINAL}Hello.", "Hello."),
        ("<|channel|>analysis<|message|>Hm.<|channel|>final<|message|>Hello.", "Hello."),
        ("<|channel|>commentary<|message|>Let me see.<|end|>" + FINAL + "Hello.", "Hello."),
        (ANALYSIS + "<|start|>assistant<|channel|>commentary<|message|>Let me see.<|end|>", "Let me see."),
        ("<|channel|>commentary to=functions.time <|constrain|>json<|message|>{}<|call|>" + FINAL + "Ten.", "Ten."),
        ("<|start|>assistant to=functions.time<|channel|>commentary<|message|>{}<|call|>", ""),
        (f"{FINAL}Hello.<|end|><|start|>user<|message|>Hi!<|end|>", "Hello."),
        (f"{ANALYSIS}Hello.", "Hello."),
        (f"User says <hi>.<|end|>{FINAL}Hello.", "Hello."),
        (f"User says <hi>.<|end|>\n{ANALYSIS}{FINAL}Hello.<|end|>", "Hello."),
        (f"analysis<|message|>User says <hi>.<|end|>{FINAL}Hello.", "Hello."),
        (f"<|message|>User says <hi>.<|end|>{FINAL}Hello.", "Hello."),
        ("final <|constrain|>json<|message|>Hello.", "Hello."),
        ("<|channel|>Analysis<|message|>Hm.<|end|><|channel|>Final<|message|>Hello.", "Hello."),
        (f"{FINAL}Hello. <|end|>{FINAL}And you?", "Hello. And you?"),
        ("Hello.<|end|> <|user|>Hi!", "Hello.<|end|> <|user|>Hi!"),
        ("final answer: <b>4</b>", "final answer: <b>4</b>"),
        ("I <3 you <| a |> b <|", "I <3 you <| a |> b <|"),
        ("Hello.<|end|>", "Hello.<|end|>"),
    ],
)
def test_only_the_final_channel_is_the_reply(text: str, spoken: str) -> None:
    assert results(HarmonyFilter, text) == {spoken}


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Hello.<|im_end|>\n<|im_start|>user\nHi!", "Hello."),
        ("Hello.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi!", "Hello."),
        ("Hello.<end_of_turn>\n<start_of_turn>user\nHi!", "Hello."),
        ("Hello.</s>[INST] Hi! [/INST]", "Hello."),
        ("Hello.<｜end▁of▁sentence｜><｜User｜>Hi!", "Hello."),
        ("Hello.<|end|>", "Hello."),
        ("<|im_start|>assistant\nHello.", "Hello."),
        ("<|start_header_id|>assistant<|end_header_id|>Hello.", "Hello."),
        ("<s>Hello.</s>", "Hello."),
        ("A <s>bad</s> good word.", "A <s>bad</s> good word."),
        ("Qwen ends with `<|im_end|>`, Llama with `</s>`.", "Qwen ends with `<|im_end|>`, Llama with `</s>`."),
        ("I <3 you [1] <s", "I <3 you [1] <s"),
    ],
)
def test_the_reply_ends_where_its_turn_ends(text: str, spoken: str) -> None:
    assert results(TurnTokenFilter, text) == {spoken}


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["\ud83d", "\ude0a"], "😊"),
        (["Hi \ud83d", "", "\ude0a there"], "Hi 😊 there"),
        (["\ud83d", "x"], "\ufffdx"),
        (["\ude0a"], "\ufffd"),
        (["x\ud83d"], "x\ufffd"),
        (["\ud83d", "\ud83d", "\ude0a"], "\ufffd😊"),
        (["日本"], "日本"),
    ],
)
def test_halves_of_characters_are_joined_or_replaced_by_a_sign(pieces: list[str], text: str) -> None:
    assert let_through(SurrogateFilter(), pieces) == text
    assert let_through(SurrogateFilter(), list("".join(pieces))) == text


@given(st.lists(st.sampled_from(["\ud83d", "\ude0a", "a", "😊", "\ufffd"]), max_size=8))
def test_the_result_can_always_be_encoded(pieces: list[str]) -> None:
    let_through(SurrogateFilter(), pieces).encode("utf-8")


MARKS = [
    "<|",
    "|>",
    "<|channel|>",
    "<|message|>",
    "<|start|>",
    "<|end|>",
    "analysis",
    "final",
    "a ",
    "\n",
    "</s>",
    "<s>",
]


@given(st.lists(st.sampled_from(MARKS), max_size=16))
def test_the_division_into_pieces_makes_no_difference(pieces: list[str]) -> None:
    whole = "".join(pieces)
    assert let_through(HarmonyFilter(), pieces) == let_through(HarmonyFilter(), [whole])
    assert let_through(TurnTokenFilter(), pieces) == let_through(TurnTokenFilter(), [whole])
