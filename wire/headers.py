"""Headers of the speech server's answers over HTTP."""

from __future__ import annotations

from collections.abc import Mapping

COSTS_MONEY = "X-Costs-Money"
"""Says with :data:`YES` that an engine that probably costs money was asked to speak the text, or a part of it.
Other answers lack this header.
"""
YES = "true"


def costs_money(headers: Mapping[str, str]) -> bool:
    """Whether an answer's headers say that its speech probably costs money."""
    return headers.get(COSTS_MONEY) == YES
