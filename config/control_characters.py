"""Control characters in text from outside, which could change what a log or a terminal shows.

They clear the screen, go back in the line, begin a line that looks like the program's own, or reverse the direction of
what follows. People's names and messages, and errors of servers, can hold them.
"""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""All control characters but the tabulator and the line feed; Unicode's line ends; characters that change the direction
of text; surrogates, which can't be written."""


def visible_controls(text: str) -> str:
    r"""The text with control characters written as in Python (``\x1b``). Line feeds and tabulators are kept."""
    if text.isascii() and text.isprintable():
        return text
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text.replace("\r\n", "\n"))


def indent_further_lines(text: str, indent: str) -> str:
    """The text after :func:`visible_controls`, with each line but the first one indented.

    So no text from outside can begin a line at the left edge.
    """
    return visible_controls(text).replace("\n", f"\n{indent}")
