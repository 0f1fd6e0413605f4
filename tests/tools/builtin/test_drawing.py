"""The words that ask for a drawing. The tool itself is tested with the bot's features."""

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
def test_whoever_only_speaks_of_pictures_asks_for_no_drawing(words: str, asks: bool) -> None:
    assert DrawPicture(_NoDrawings()).asked_for(words, {}) is asks
