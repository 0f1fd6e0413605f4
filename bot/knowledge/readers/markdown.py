"""Reads Markdown: its headings and paragraphs. Bold type and links become plain words. All else stays as written."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.knowledge.readers.blocks import Block
from bot.knowledge.readers.text import decode, paragraphs

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*)")
_UNDERLINED = re.compile(r" {0,3}(=+|-{2,})[ \t]*")
_FENCE = re.compile(r" {0,3}(```+|~~~+)")
# The lengths are limited, so that a file full of brackets does not take long.
_LINK = re.compile(r"!?\[([^\[\]]{0,500})\]\([^()\s]{0,2000}\)")
_MAX_HEADING = 200
"""Maximum number of characters of a heading. The rest is cut off."""


def read_markdown(data: bytes, notices: list[str]) -> Iterator[Block]:
    """The headings and paragraphs of a Markdown file. Only the words of a link are kept.

    Args:
        notices: what could not be read is added to it, in words for people.
    """
    beneath: list[str] = []
    fence = ""
    for line in decode(data, notices).split("\n"):
        if fence or (opened := _FENCE.match(line)) is not None:
            fence = _still_open(fence, line) if fence else (opened[1] if opened else "")
            beneath.append(line)
            continue
        if (heading := _HEADING.fullmatch(line)) is not None:
            yield from _blocks(beneath)
            yield Block(_plain(heading[2].rstrip(" \t#"))[:_MAX_HEADING], len(heading[1]))
        elif (under := _UNDERLINED.fullmatch(line)) is not None and beneath and _is_one_line(beneath):
            title = beneath.pop().strip()
            yield from _blocks(beneath)
            yield Block(_plain(title)[:_MAX_HEADING], 1 if under[1].startswith("=") else 2)
        else:
            beneath.append(line)
    yield from _blocks(beneath)


def _still_open(fence: str, line: str) -> str:
    return "" if line.strip().startswith(fence) and not line.strip().strip(fence[0]) else fence


def _is_one_line(beneath: list[str]) -> bool:
    """Whether the last line is a paragraph of one line, which the line beneath it can make a heading."""
    last = beneath[-1].strip()
    return bool(last) and (len(beneath) == 1 or not beneath[-2].strip()) and not last.startswith(("-", "*", "|", ">"))


def _blocks(lines: list[str]) -> Iterator[Block]:
    text = _plain("\n".join(lines))
    lines.clear()
    return (Block(paragraph) for paragraph in paragraphs(text))


def _plain(text: str) -> str:
    return _LINK.sub(r"\1", text).replace("**", "").replace("__", "")
