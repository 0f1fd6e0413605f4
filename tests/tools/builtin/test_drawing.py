"""The words that ask for a drawing. tests/features/test_picture_tools.py tests the tool itself."""

from __future__ import annotations

from typing import Never

import pytest

from bot.tools.builtin.drawing import DrawPicture


class _NoDrawings:
    async def draw_when_free(self, person: int, server: int, channel: int, description: str) -> Never:
        raise AssertionError


@pytest.mark.parametrize(
    ("words", "asks"),
    [
        ("Draw me a cat.", True),
        ("Can you make us a nice picture of a dog?", True),
        ("Mal mir bitte einen Hund", True),
        ("Mach doch ein Bild davon", True),
        ("Dessine un chat", True),
        ("描いて", True),
        ("Draw a cat that is not black, with no hat", True),
        ("Don't draw it.", False),
        ("Zeichne das bitte nicht!", False),
        ("描かないで", False),
        ("What is in this picture?", False),
        ("Describe the image", False),
        ("Is the author male?", False),
        ("Lies mal die Seite", False),
        ("Was ist auf dem Bild?", False),
        ("What are the drawbacks?", False),
    ],
)
def test_only_words_that_want_a_drawing_ask_for_one(words: str, asks: bool) -> None:
    assert DrawPicture(_NoDrawings()).asked_for(words, {}) is asks
