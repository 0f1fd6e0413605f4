"""The lines, tables and commands of the documents, each with its page and line number."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from config.project import ROOT

OPERATOR, USER, API, SANDBOX = "docs/operator-guide.md", "docs/user-guide.md", "docs/api.md", "docs/sandbox.md"
DEVELOPER, EXAMPLES = "docs/developer-guide.md", "docs/examples.md"
README, EXAMPLE = "README.md", ".env.example"
PAGES = (README, "LICENSES-ENGINES.md", *(f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md"))))
CODE = re.compile(r"``?([^`]+)``?")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a document. Its string is the page and the line number."""

    page: str
    number: int
    text: str

    def __str__(self) -> str:
        return f"{self.page}, line {self.number}"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table."""

    line: Line
    header: tuple[str, ...]
    cells: tuple[str, ...]

    def code(self, column: int) -> list[str]:
        """The texts in backticks in a column."""
        return CODE.findall(self.cells[column])


def lines(page: str) -> list[Line]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return [Line(page, number, line) for number, line in enumerate(text.splitlines(), 1)]


def rows(page: str, first: str) -> Iterator[Row]:
    """The rows of all tables whose first column has this name, in upper or lower case."""
    header: tuple[str, ...] = ()
    for line in lines(page):
        if not line.text.startswith("|"):
            header = ()
            continue
        cells = _cells(line.text)
        if not header:
            header = cells
        elif header[0].lower() == first.lower() and set(line.text) - set("|- "):
            yield Row(line, header, cells)


def commands(page: str) -> Iterator[tuple[Line, str]]:
    """The commands of a page, without comments: its indented lines and its texts in backticks."""
    for line in lines(page):
        if line.text.startswith("    "):
            yield line, line.text.split("  #", 1)[0].split(" # ", 1)[0].strip()
        else:
            yield from ((line, piece) for piece in CODE.findall(line.text))


def anchors(page: str) -> set[str]:
    """The anchors of the page's headings, as GitHub makes them."""
    found: set[str] = set()
    for line in lines(page):
        if heading := re.fullmatch(r"#{1,6} (.+)", line.text):
            found.add(_slug(heading[1]))
    return found


def _cells(text: str) -> tuple[str, ...]:
    cells = re.split(r"(?<!\\)\|", text.strip().strip("|"))
    return tuple(cell.strip().replace("\\|", "|") for cell in cells)


def _slug(heading: str) -> str:
    kept = (
        letter for letter in heading.lower() if letter in " -_" or unicodedata.category(letter)[0] in ("L", "N", "M")
    )
    return "".join(kept).replace(" ", "-")
