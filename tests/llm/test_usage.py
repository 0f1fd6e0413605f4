"""The token counts that model servers report, also where they make no sense."""

from __future__ import annotations

import json

import pytest

from bot.llm.deltas import parse_delta
from bot.llm.response import ReplyDecoder
from bot.llm.usage import TokenUsage, token_usage

# Events as the servers send them.
OPENAI = {
    "choices": [],
    "usage": {
        "prompt_tokens": 2006,
        "completion_tokens": 300,
        "total_tokens": 2306,
        "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    },
}
VLLM_WITHOUT_DETAILS = {"choices": [], "usage": {"prompt_tokens": 31, "total_tokens": 47, "completion_tokens": 16}}
VLLM_NULL_DETAILS = {"choices": [], "usage": {"prompt_tokens": 31, "prompt_tokens_details": None}}
GROQ = {"choices": [{"delta": {}, "finish_reason": "stop"}], "x_groq": {"id": "r", "usage": {"prompt_tokens": 18}}}
DEEPSEEK = {
    "choices": [],
    "usage": {"prompt_tokens": 100, "prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 36},
}
LLAMA_CPP = {
    "choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}],
    "timings": {"cache_n": 236, "prompt_n": 1, "prompt_ms": 30.958, "predicted_n": 35, "predicted_ms": 661.064},
}
LLAMA_CPP_OWN = {"content": "", "stop": True, "tokens_cached": 300, "timings": {"cache_n": 12, "prompt_n": 30}}
OLD_LLAMA_CPP = {"content": "", "stop": True, "timings": {"prompt_n": 30, "predicted_n": 4}}


@pytest.mark.parametrize(
    ("event", "usage"),
    [
        (OPENAI, TokenUsage(2006, 1920, 300)),
        (VLLM_WITHOUT_DETAILS, TokenUsage(31, None, 16)),
        (VLLM_NULL_DETAILS, TokenUsage(31, None)),
        (GROQ, TokenUsage(18, None)),
        (DEEPSEEK, TokenUsage(100, 64)),
        (LLAMA_CPP, TokenUsage(237, 236, 35)),
        (LLAMA_CPP_OWN, TokenUsage(42, 12)),
        (OLD_LLAMA_CPP, None),
        ({"choices": [], "usage": None}, None),
        ({"choices": [{"delta": {"content": "Hi"}}]}, None),
    ],
)
def test_the_counts_of_each_server_are_read(event: dict[str, object], usage: TokenUsage | None) -> None:
    assert token_usage(event) == usage
    assert parse_delta(json.dumps(event)).usage == usage


@pytest.mark.parametrize("value", ["12", -1, 1.5, True, None, [], {}, 10**30, "-", float("inf"), float("nan")])
def test_values_that_are_not_counts_are_ignored(value: object) -> None:
    assert token_usage({"usage": {"prompt_tokens": value}}) is None
    assert token_usage({"usage": {"completion_tokens": value}}) is None
    assert token_usage({"timings": {"cache_n": 1, "prompt_n": 3, "predicted_n": value}}) == TokenUsage(4, 1)
    details = {"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": value}}
    assert token_usage({"usage": details}) == TokenUsage(9, None)
    assert token_usage({"usage": {"prompt_tokens": 9, "prompt_tokens_details": value}}) == TokenUsage(9, None)
    assert token_usage({"timings": {"cache_n": value, "prompt_n": 3}}) is None
    assert token_usage({"timings": {"cache_n": 3, "prompt_n": value}}) is None
    assert token_usage({"timings": value, "usage": value, "x_groq": value}) is None


def test_a_count_of_more_cached_tokens_than_tokens_is_ignored() -> None:
    assert token_usage({"usage": {"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 10}}}) == TokenUsage(9)


def test_counts_that_make_no_sense_do_not_disturb_the_reply() -> None:
    event = {"choices": [{"delta": {"content": "Hi"}}], "timings": "fast", "usage": ["many"]}
    delta = parse_delta(json.dumps(event))
    assert (delta.text, delta.usage) == ("Hi", None)


def test_counts_after_the_end_mark_are_read_too() -> None:
    decoder = ReplyDecoder()
    for event in ({"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}, OPENAI):
        decoder.feed(f"data: {json.dumps(event)}\n\n".encode())
    assert (delta := decoder.next()) is not None
    assert delta.text == "Hi"
    assert decoder.usage is None
    assert decoder.next() is None
    assert decoder.usage == TokenUsage(2006, 1920, 300)
