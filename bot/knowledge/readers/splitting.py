"""Cuts the blocks of a file into passages of a bounded size, which carry their headings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.knowledge.readers.blocks import Block

MAX_CHARS = 900
"""Maximum number of characters of a passage, without its headings."""
MAX_HEADINGS = 300
"""Maximum number of characters of a passage's headings together."""
BETWEEN = " › "
_SENTENCE_ENDS = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？；])")


@dataclass(frozen=True, slots=True)
class FilePassage:
    """A passage of a file, before it is indexed.

    Attributes:
        headings: the headings above it, the outermost first, as one text.
        place: where the passage begins in the file: "page 3"; "" in a file without pages.
        also: further words that a search finds it by.
    """

    headings: str
    text: str
    place: str = ""
    also: str = ""

    @property
    def shown(self) -> str:
        """The passage with its headings."""
        return f"{self.headings}\n{self.text}" if self.headings else self.text


def split(blocks: Iterable[Block]) -> Iterator[FilePassage]:
    """Cut blocks into passages.

    Neighbouring paragraphs beneath the same heading become one passage, as long as it is small enough. A longer
    paragraph is cut at its lines, its sentences or its words. Records are not put together.
    """
    headings: dict[int, str] = {}
    gathered: list[str] = []
    place = ""

    def gathered_passage() -> Iterator[FilePassage]:
        if gathered:
            yield FilePassage(_joined(headings.values()), "\n".join(gathered), place)
            gathered.clear()

    for block in blocks:
        if block.headings is not None:
            yield from gathered_passage()
            above = _joined(block.headings)
            yield from (FilePassage(above, part, block.place, block.also) for part in cut(block.text))
        elif block.level:
            yield from gathered_passage()
            headings = {level: text for level, text in headings.items() if level < block.level}
            headings[block.level] = " ".join(block.text.split())
        else:
            for part in cut(block.text):
                if block.place != place or sum(map(len, gathered)) + len(gathered) + len(part) > MAX_CHARS:
                    yield from gathered_passage()
                place = block.place
                gathered.append(part)
    yield from gathered_passage()


def cut(text: str, limit: int = MAX_CHARS) -> Iterator[str]:
    """Cut a text into parts of at most ``limit`` characters: between lines, or else sentences, or else words."""
    text = text.strip()
    if len(text) <= limit:
        if text:
            yield text
        return
    pending = ""
    for part in _parts(text, limit):
        if pending and len(pending) + len(part) > limit:
            yield pending.strip()
            pending = ""
        pending += part
    if pending.strip():
        yield pending.strip()


def _parts(text: str, limit: int) -> Iterator[str]:
    """The lines of a text; of longer lines the sentences, and of longer sentences the words or characters."""
    for line in text.splitlines(keepends=True):
        if len(line) <= limit:
            yield line
            continue
        for sentence in _SENTENCE_ENDS.split(line):
            yield from _words(sentence, limit)


def _words(sentence: str, limit: int) -> Iterator[str]:
    """Parts of a sentence. The rest is not copied for each part: that would take hours for 60 million characters."""
    at = 0
    while len(sentence) - at > limit:
        end = sentence.rfind(" ", at + limit // 2, at + limit)
        end = end if end > 0 else at + limit
        yield sentence[at:end] + " "
        at = end
        while at < len(sentence) and sentence[at].isspace():
            at += 1
    rest = sentence[at:]
    yield rest if rest.endswith(("\n", "。", "！", "？", "；")) else rest + " "


def _joined(headings: Iterable[str]) -> str:
    """The headings as one text. If it is too long, the outer ones are left out."""
    found = [heading[:MAX_HEADINGS] for heading in dict.fromkeys(filter(None, headings))]
    while len(found) > 1 and len(BETWEEN.join(found)) > MAX_HEADINGS:
        found.pop(0)
    return BETWEEN.join(found)
