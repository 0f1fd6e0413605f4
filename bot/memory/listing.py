"""Lists of facts for people, page by page, and the words and numbers by which people choose from them."""

from __future__ import annotations

from collections.abc import Sequence

from bot.memory.records import Fact

ALL_WORDS = frozenset({"all", "everything"})
"""Words by which people mean all facts."""
MAX_DIGITS = 15
"""Maximum number of digits of the number of a fact or a page."""


def page_of(facts: Sequence[Fact], page: int, most: int) -> tuple[Sequence[Fact], int, int]:
    """The facts on a page, the page's number, and how many pages there are. Too large a ``page`` means the last one."""
    pages = max(1, -(-len(facts) // most))
    page = min(max(page, 1), pages)
    return facts[(page - 1) * most : page * most], page, pages


def number_in(written: str) -> int | None:
    """The number of a fact or a page, from what somebody wrote; ``None`` if it is no such number."""
    is_number = written.isascii() and written.isdecimal() and len(written) <= MAX_DIGITS
    return int(written) if is_number else None
