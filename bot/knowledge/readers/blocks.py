"""What a reader yields: the blocks of a file, in their order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, a paragraph, or a record, such as an object of a JSON file.

    Attributes:
        level: 1 to 6 for a heading, 0 for a paragraph or a record.
        place: where the block is in the file: "page 3"; "" in a file without pages.
        headings: the headings of a record, the outermost first; ``None`` if the block is no record. A record becomes a
            passage of its own.
        also: further words by which a record is found. They are not shown.
    """

    text: str
    level: int = 0
    place: str = ""
    headings: tuple[str, ...] | None = None
    also: str = ""


class UnreadableError(Exception):
    """The file can't be read, because of its content. The text is for people."""


class Reader(Protocol):
    """Reads one kind of file."""

    def __call__(self, data: bytes, notices: list[str]) -> Iterator[Block]:
        """Yield the blocks of a file. Parts that can't be read are named in ``notices``, in words for people.

        Raises:
            UnreadableError: nothing can be read.
        """
        ...
