"""What to do about what a model server says, or does not say, in the middle of a reply."""

from __future__ import annotations

import re

from bot.llm.deltas import FILTERED, LENGTH
from bot.llm.errors import ModelError, ModelErrorKind
from bot.llm.failures import model_error
from bot.llm.options import ModelOptions

_REMEDIES = (
    (r"unexpected endpoint", "Is `/v1` missing at the end of LLM_URL?"),
    (
        r"context|n_ctx|prompt is too long|too many tokens|maximum.{0,20}length|token limit",
        "Start the server with a larger context, or set LLM_CONTEXT_MESSAGES lower.",
    ),
    (
        r"out of memory|\boom\b|alloc|not enough memory|insufficient memory|requires more.{0,20}memory",
        "Use a smaller model, or a smaller context, or free the card.",
    ),
    (r"loading|warming up|not ready|starting", "It is still loading: ask again in a moment."),
    (
        r"rate.?limit|too many requests|overloaded|capacity|temporarily|unavailable|busy|try again",
        "Ask again in a moment.",
    ),
    (r"quota|credit|billing|payment|balance", "Look at your account with the provider."),
    (r"api.?key|unauthori[sz]ed|authenticat|forbidden|permission", "Is LLM_API_KEY right?"),
    (r"model.{0,60}(?:not found|does not exist|not exist|unknown)|no such model", "Is LLM_MODEL right?"),
    (r"template|jinja|roles must alternate", "The server can't use the model's chat template: see its log."),
)
_OTHERWISE = "Ask again; if it stays so, the server's log says more."


def server_said(options: ModelOptions, words: str) -> ModelError:
    """The server reported an error in the middle of its answer: its own words, and what to do."""
    told = f"reported an error: {words}" if words else "reported an error."
    return model_error(options, ModelErrorKind.SERVER, f"{_sentence(told)} {remedy(words)}")


def nothing_said(options: ModelOptions, reason: str, *, thought: bool) -> ModelError:
    """The reply is over, and nobody heard a word of it.

    Args:
        reason: the server's word for why the reply ended.
        thought: whether the model thought.
    """
    if reason in FILTERED:
        what = "gave no answer: its content filter blocked it. Say it in other words, or use another model."
    elif reason in LENGTH:
        spent = "on thinking" if thought else "without saying anything"
        what = (
            f"spent its whole budget of {options.max_tokens} tokens {spent}. "
            "Raise LLM_MAX_TOKENS, or switch thinking off with LLM_EXTRA."
        )
    elif thought:
        what = "thought about it, but gave no answer. Ask again, or switch thinking off with LLM_EXTRA."
    else:
        what = "answered without saying anything."
    return model_error(options, ModelErrorKind.EMPTY, what)


def remedy(words: str) -> str:
    """What to do about an error, by the server's words for it."""
    return next((what for signs, what in _REMEDIES if re.search(signs, words, re.IGNORECASE)), _OTHERWISE)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
