"""Reads HTML: the headings and the text that a page shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from bot.knowledge.readers.blocks import Block
from bot.knowledge.readers.text import decode

_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]{2,40})", re.IGNORECASE)
_CHARSETS = re.compile(
    r"utf-?8|us-ascii|(iso-?8859|windows)-?\d{1,5}(-\d{1,2})?|shift[_-]?jis|euc-(jp|kr)|gb(k|2312|18030)|big5|koi8-[ru]",
    re.IGNORECASE,
)
"""Charsets that pages use. Python knows more, some of which do not decode text, or are slow."""
_HIDDEN = frozenset(
    ("script", "style", "noscript", "template", "svg", "math", "iframe", "object", "select", "nav", "footer", "form")
)
"""Elements whose text is left out: the page does not show it, or it is beside the page's content."""
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_PARTS = frozenset(
    (
        *("address", "article", "aside", "blockquote", "body", "dd", "div", "dl", "dt", "figcaption", "figure"),
        *("header", "hr", "main", "ol", "p", "pre", "section", "table", "title", "ul", *_HEADINGS),
    )
)
"""Elements that begin and end a paragraph."""
_LINES = frozenset(("br", "li", "tr"))
_CELLS = frozenset(("td", "th"))


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self._hidden: list[str] = []
        self._level = 0
        self._pieces: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden.append(tag)
        self.handle_startendtag(tag, attrs)
        self._level = 1 if tag == "title" else _HEADINGS.get(tag, self._level)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _PARTS:
            self._end_block()
        elif tag in _LINES:
            self._pieces.append("\n")
        elif tag in _CELLS:
            self._pieces.append(" | ")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            # Elements that were opened inside this one and never closed end here too.
            while self._hidden.pop() != tag:
                pass
        if tag in _PARTS:
            self._end_block()

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._pieces.append(" ".join(data.split("\n")))

    def close(self) -> None:
        super().close()
        self._end_block()

    def _end_block(self) -> None:
        lines = (" ".join(line.split()).strip("| ") for line in "".join(self._pieces).split("\n"))
        if text := "\n".join(filter(None, lines)):
            self.blocks.append(Block(text, self._level))
        self._pieces.clear()
        self._level = 0


def read_html(data: bytes, notices: list[str]) -> Iterator[Block]:
    """The headings and paragraphs of a page. Its title is the first heading."""
    parser = _Parser()
    parser.feed(_decoded(data, notices))
    parser.close()
    return iter(parser.blocks)


def _decoded(data: bytes, notices: list[str]) -> str:
    found = _CHARSET.search(data[:4096])
    name = found[1].decode("ascii", "replace") if found else ""
    if _CHARSETS.fullmatch(name) and name.lower().replace("-", "") != "utf8":
        try:
            return data.decode(name, "replace")
        except LookupError:
            pass
    return decode(data, notices)
