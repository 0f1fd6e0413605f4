"""How a small model is asked, so that it does not loop: chosen by ``benchmarks.small_mind``."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

from bot.llm.options import ModelOptions

TEMPERATURE = 0.05
"""At 0.5 a model of 135 million parameters babbles; from 0.1 on it forgets more of what it was told.
Some servers refuse 0."""
MAX_TOKENS = 96
"""Room for the filter's 40 words, and for a sentence that is dropped because it would be too much."""
SAMPLING = MappingProxyType({"min_p": 0.1})
"""Fields of the request. No penalties: they punish the very words that people want to hear again, such as a name that
they have told. Loops are ended by :class:`~bot.llm.filters.brief.BriefFilter`."""


def suited(options: ModelOptions, *, small: bool) -> ModelOptions:
    """The options for a model of this size; what the operator has chosen stays."""
    if not small:
        return options
    chosen: dict[str, Any] = {"extra": {**SAMPLING, **options.extra}}
    if "temperature" not in options.chosen:
        chosen["temperature"] = TEMPERATURE
    if "max_tokens" not in options.chosen:
        chosen |= {"max_tokens": MAX_TOKENS, "brief": True}
    return replace(options, **chosen)
