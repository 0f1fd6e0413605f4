"""A server's refusal of a conversation that is too long for it, and the numbers that it tells."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOO_LONG = re.compile(
    r"exceed_context_size|context_length_exceeded|context_exceeded|string_above_max_length|model_max_prompt_tokens"
    r"|context (?:size|length|window)s? (?:has been |was |is )?exceeded"
    r"|exceed\w*(?: the| this| model'?s?| available| maximum| max| allowed| limit| of)*"
    r" (?:context|token limit|number of tokens)"
    r"|(?:maximum|max) (?:context|model|sequence|prompt|input) (?:length|size|len)\b"
    r"|(?:reached|overflow\w*|larger than|longer than|greater than|more than|beyond|too large for)\b.{0,60}context"
    r"|context (?:the )?overflows"
    r"|(?:prompt|input|message|request|conversation)s?\b[^.\":]{0,30} (?:is|are) too (?:long|large|big)"
    r"|reduce (?:the length|your (?:prompt|message))"
    r"|too many (?:input )?tokens"
    r"|token count\b.{0,40}exceed"
    r"|`?inputs`? (?:tokens \+|must have less than)"
    r"|sum of prompt tokens"
    r"|input length\b.{0,40}exceed"
    r"|context (?:size|length|window) of (?:only )?\d+ tokens",
    re.IGNORECASE | re.DOTALL,
)
_NUMBER = r"\s*[(:=]?\s*(?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d))"
_LIMITS = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        rf"\"?n_ctx\"?{_NUMBER}",
        rf"(?:maximum|max|available|model's|model|the) (?:context|sequence|model) (?:length|size|window|len)"
        rf"(?: is| of| was| only|,)*(?: of)?(?: only)?{_NUMBER}",
        rf"context (?:length|size|window) (?:of|is)(?: only)?{_NUMBER}",
        rf"exceed(?:s|ed)?(?: the)? context (?:window|size|length)(?: of)?{_NUMBER}",
        r"with (?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d)) maximum context",
        r"tokens > (?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d))",
        r"must be (?:<=|at most|less than) (?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d))",
        r"must have less than (?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d)) tokens",
        r"number of tokens allowed \((?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d))\)",
        r"context size \((?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d))",
    )
)
_PROMPTS = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        rf"\"?n_prompt_tokens\"?{_NUMBER}",
        r"(?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d))(?: tokens)? (?:in|from) (?:the |your )?(?:input )?(?:messages|prompt)",
        r"(?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d)) of text input",
        r"(?:messages resulted in|prompt contains|prompt is too long:|contains at least|request has|prompt has)"
        r" (?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d))",
        r"(?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d)) input tokens",
        r"(?:request|input|prompt)(?: tokens)? \((?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d))(?: tokens)?\)",
        r"input token count \(?(?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d))",
        r"given: (?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d))",
        r"requested tokens \((?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d))\)",
        r"first (?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d)) tokens",
        r"sum of prompt tokens \((?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d))\)",
    )
)
_SMALLEST, _LARGEST = 64, 100_000_000


@dataclass(frozen=True, slots=True)
class LengthRefusal:
    """How many tokens fit in all, and how many the conversation was, where the server says so."""

    limit: int | None = None
    prompt: int | None = None


def length_refusal(said: str) -> LengthRefusal | None:
    """What the server says of the length; ``None`` where it refuses something else. ``said`` is its answer's body."""
    if not _TOO_LONG.search(said):
        return None
    return LengthRefusal(_first(_LIMITS, said), _first(_PROMPTS, said))


def _first(patterns: tuple[re.Pattern[str], ...], said: str) -> int | None:
    for pattern in patterns:
        for match in pattern.finditer(said):
            number = int(re.sub(r"\D", "", match["n"]))
            if _SMALLEST <= number <= _LARGEST:
                return number
    return None
