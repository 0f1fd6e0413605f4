"""Child program: reads a web page from standard input, and prints its title and its text.

A malicious page can keep a parser busy for minutes. Therefore the parser is a program of its own: unlike a thread, a
process can be killed. The program imports no module of the bot, so that it starts quickly.

Arguments: ``html`` or ``text``, and the charset that the server named, or "".
"""

from __future__ import annotations

import os
import re
import sys
from html.parser import HTMLParser

MAX_TEXT = 200_000
"""Maximum number of characters that are printed."""
_CPU_SECONDS = 8
"""Seconds of CPU time after which the system kills this program."""
_MEMORY_BYTES = 512 * 1024 * 1024
"""Maximum number of bytes of memory that this program can use."""
_CHARSET_IN_PAGE = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]{2,40})", re.IGNORECASE)
_CHARSETS = re.compile(
    r"utf-?8|utf-?16([bl]e)?|us-ascii|ascii|(iso-?8859|windows|cp|ibm)-?\d{1,5}(-\d{1,2})?|latin-?\d{1,2}|"
    r"shift[_-]?jis|euc-(jp|kr)|iso-2022-jp|gb(k|2312|18030)|big5(hkscs)?|koi8-[rut]|tis-620|mac-?roman",
    re.IGNORECASE,
)
"""Charsets that pages use. Python knows more, some of which do not decode text, or are slow."""
_HIDDEN = frozenset(
    {"script", "style", "noscript", "template", "svg", "math", "iframe", "object", "select", "nav", "footer", "form"}
)
"""Elements whose text is left out: the page does not show it, or it is beside the page's content."""
_BLOCKS = frozenset(
    {
        *("address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "figcaption", "figure", "h1"),
        *("h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p", "pre", "section", "table", "td"),
        *("th", "tr", "ul", "title", "body"),
    }
)
"""Elements that begin a new line."""


class _Reader(HTMLParser):
    """Collects the text that a page shows."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self._hidden: list[str] = []
        self._in_title = False
        self._pieces: list[str] = []

    @property
    def lines(self) -> list[str]:
        """The text's lines, none of them empty."""
        return [line for each in "".join(self._pieces).split("\n") if (line := " ".join(each.split()))]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden.append(tag)
        self._in_title = tag == "title" and not self._hidden
        if tag in _BLOCKS:
            self._pieces.append("\n")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self._pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            # An element that was opened inside this one and never closed ends here too.
            while self._hidden.pop() != tag:
                pass
        if tag == "title":
            self._in_title = False
        if tag in _BLOCKS:
            self._pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title = self.title or " ".join(data.split())
        elif not self._hidden:
            self._pieces.append(data)


def page_text(data: bytes, kind: str, charset: str) -> str:
    """The title and the text of a page, one line for each block."""
    text = _decoded(data, charset)
    if kind != "html":
        return text
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return "\n".join([reader.title, *reader.lines] if reader.title else reader.lines)


def _decoded(data: bytes, charset: str) -> str:
    found = _CHARSET_IN_PAGE.search(data[:4096])
    for name in (charset, found[1].decode("ascii") if found else "", "utf-8"):
        if _CHARSETS.fullmatch(name):
            try:
                return data.decode(name, "replace")
            except LookupError:
                continue
    return data.decode("utf-8", "replace")


def _limit_resources() -> None:
    if sys.platform != "win32":
        import resource

        os.nice(10)
        resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))


if __name__ == "__main__":
    _limit_resources()
    kind, charset = sys.argv[1:]
    found = page_text(sys.stdin.buffer.read(), kind, charset)
    sys.stdout.buffer.write(found[:MAX_TEXT].encode("utf-8", "replace"))
