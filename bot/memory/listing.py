"""Lists of facts that people read, page by page."""

from __future__ import annotations

from collections.abc import Sequence

from bot.memory.records import Fact


def page_of(facts: Sequence[Fact], page: int, most: int) -> tuple[Sequence[Fact], int, int]:
    """The facts on a page, the number of that page, and how many pages there are. Too large a ``page`` is the last."""
    pages = max(1, -(-len(facts) // most))
    page = min(max(page, 1), pages)
    return facts[(page - 1) * most : page * most], page, pages
