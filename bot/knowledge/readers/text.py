"""Reads plain text: its paragraphs, in any usual encoding."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from bot.knowledge.readers.blocks import Block, UnreadableError

_BLANK_LINES = re.compile(r"\n[ \t]*\n")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CJK = re.compile(r"[\u3400-\u9fff]")
_IN_A_CHINESE_TEXT = 0.3
"""Share of Chinese characters among those that are not ASCII, from which a text counts as Chinese."""


def decode(data: bytes) -> str:
    """The text of a file, with ``\\n`` at the ends of lines.

    It is UTF-8, UTF-16 with its mark, or an old encoding: GB 18030 if that gives Chinese, else Windows-1252.

    Raises:
        UnreadableError: these are the bytes of no text.
    """
    if b"\0" in data[:4096] and not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UnreadableError("this is no text")
    return _decoded(data).replace("\r\n", "\n").replace("\r", "\n")


def _decoded(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")
    others = sum(not char.isascii() for char in text)
    is_chinese = len(_CJK.findall(text)) >= _IN_A_CHINESE_TEXT * others
    return text if is_chinese else data.decode("cp1252", "replace")


def paragraphs(text: str) -> Iterator[str]:
    """The paragraphs of a text, without the blank lines between them."""
    for each in _BLANK_LINES.split(text):
        if paragraph := each.strip():
            yield paragraph


def read_text(data: bytes, notices: list[str]) -> Iterator[Block]:
    """The paragraphs of a text."""
    return (Block(paragraph) for paragraph in paragraphs(decode(data)))
