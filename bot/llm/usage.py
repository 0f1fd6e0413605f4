"""Token counts of a prompt and its answer, as model servers report them with a reply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_MAX_TOKENS = 100_000_000
"""Largest believable number of tokens."""


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """How many tokens a prompt and its answer have.

    Attributes:
        prompt_tokens: number of tokens in the whole prompt; ``None`` if the server did not tell it.
        cached_tokens: how many of them the server took from its prompt cache, so that it did not have to read them
            again; ``None`` if the server did not tell it.
        answer_tokens: number of tokens that the model has written, thoughts included; ``None`` if the server did not
            tell it. llama.cpp's server tells it while the model writes, others at the end of the answer.
    """

    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    answer_tokens: int | None = None


def token_usage(event: Mapping[str, object]) -> TokenUsage | None:
    """Read the token counts in one event of a reply; ``None`` if there are none. Values that can't be true are ignored.

    OpenAI, vLLM and many others send ``usage``; Groq sends it in ``x_groq``. llama.cpp's server sends ``timings``:
    ``cache_n`` tokens came from the cache, ``prompt_n`` tokens were read, and ``predicted_n`` were written.
    """
    timings = _object(event.get("timings"))
    cached, read = _count(timings.get("cache_n")), _count(timings.get("prompt_n"))
    if cached is not None and read is not None:
        return TokenUsage(cached + read, cached, _count(timings.get("predicted_n")))
    usage = _object(event.get("usage")) or _object(_object(event.get("x_groq")).get("usage"))
    prompt, cached, answer = _count(usage.get("prompt_tokens")), _cached(usage), _count(usage.get("completion_tokens"))
    if prompt is not None and cached is not None and cached > prompt:
        cached = None
    return None if prompt is None and cached is None and answer is None else TokenUsage(prompt, cached, answer)


def _cached(usage: Mapping[str, object]) -> int | None:
    """The cached tokens in a ``usage`` object. DeepSeek has a field of its own for them."""
    cached = _count(_object(usage.get("prompt_tokens_details")).get("cached_tokens"))
    return cached if cached is not None else _count(usage.get("prompt_cache_hit_tokens"))


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _count(value: object) -> int | None:
    believable = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_TOKENS
    return value if believable and isinstance(value, int) else None
