"""Tests of the setting for the memory limits of GPUs."""

from __future__ import annotations

import pytest

from config.card_limits import CardLimit

GIB = 1024**3


@pytest.mark.parametrize(
    ("text", "limit"),
    [("0.9", 9 * GIB), (".5", 5 * GIB), ("1", 10 * GIB), ("10GB", 10**10), ("10 gib", 10 * GIB), ("512MiB", GIB // 2)],
)
def test_shares_and_sizes_are_understood(text: str, limit: int) -> None:
    assert CardLimit.parse(text).limit(10 * GIB) == limit


@pytest.mark.parametrize("text", ["", "0", "0.0", "90%", "90", "1.5", "-1GB", "0GB", "10TB", "ten", "nan", "1e3GB"])
def test_anything_else_is_refused_in_plain_words(text: str) -> None:
    with pytest.raises(ValueError, match="neither a share such as"):
        CardLimit.parse(text)
