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
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_REPLACED = "\ufffd"
"""What Python puts in the place of bytes that are no text."""
_CONTROL = bytes({*range(32), 127} - {*b"\t\n\v\f\r\x1b"})
"""Control characters, which do not occur in texts."""
_IN_A_TEXT = 0.005
"""Maximum share of control characters in a text, and of replaced ones in a text in UTF-16.

In an archive or a picture, a tenth of the bytes look like control characters.
"""
_UTF8_LETTERS = 3
"""A text with broken bytes counts as UTF-8 if it has more than this many multi-byte letters for each broken byte."""
_IN_A_CHINESE_TEXT = 0.3
"""Share of Chinese characters among those that are not ASCII, from which a text counts as Chinese."""
_LARGE = 0xA1
"""Both bytes of a usual Chinese character are at least this, in GB 18030."""
_USUAL = 0.7
"""Minimum share of usual characters among those that are not ASCII, in a Chinese text."""


def decode(data: bytes, notices: list[str]) -> str:
    """The text of a file, with ``\\n`` at the ends of lines.

    The file may be in UTF-8, UTF-16 with a byte order mark, or an old encoding: GB 18030 if that gives Chinese, else
    Windows-1252.

    Args:
        notices: gets a sentence if bytes were left out.

    Raises:
        UnreadableError: the bytes are no text.
    """
    is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if not is_utf16 and (b"\0" in data[:4096] or _is_much(len(data) - len(data.translate(None, _CONTROL)), data)):
        raise UnreadableError("this is no text")
    text = _decoded(data, notices)
    if is_utf16 and _is_much(text.count(_REPLACED), text):
        raise UnreadableError("this is no text")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _is_much(count: int, whole: bytes | str) -> bool:
    return count > _IN_A_TEXT * len(whole)


def _decoded(data: bytes, notices: list[str]) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    text = data.decode("utf-8", "replace")
    lost = text.count(_REPLACED)
    if len(_NOT_ASCII.findall(text)) - lost > _UTF8_LETTERS * lost:
        text = data.decode("utf-8", "ignore")
        notices.append(f"{len(data) - len(text.encode()):,} bytes of it are no text, and were left out")
        return text
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")
    return text if _is_chinese(text) else data.decode("cp1252", "replace")


def _is_chinese(text: str) -> bool:
    """Whether a text that was decoded as GB 18030 is Chinese.

    In a western text, an accented letter and the plain letter after it look like one rare Chinese character. In a usual
    Chinese character, the second byte is no plain letter.
    """
    others = [char for char in text if not char.isascii()]
    usual = sum(len(code := char.encode("gb18030")) == 2 and min(code) >= _LARGE for char in others)
    return len(_CJK.findall(text)) >= _IN_A_CHINESE_TEXT * len(others) and usual >= _USUAL * len(others)


def paragraphs(text: str) -> Iterator[str]:
    """The paragraphs of a text, without the blank lines between them."""
    for each in _BLANK_LINES.split(text):
        if paragraph := each.strip():
            yield paragraph


def read_text(data: bytes, notices: list[str]) -> Iterator[Block]:
    """The paragraphs of a text."""
    return (Block(paragraph) for paragraph in paragraphs(decode(data, notices)))
