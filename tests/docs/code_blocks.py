"""The Python blocks of the documents, each with its heading."""

from __future__ import annotations

import ast
import re
import textwrap
from dataclasses import dataclass
from types import CodeType

from config.project import ROOT
from tests.docs.pages import lines

GUIDE = "docs/developer-guide.md"


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """A fenced block of Python. ``number`` is the line of its fence."""

    page: str
    heading: str
    number: int
    text: str

    def compiled(self) -> CodeType:
        """Compile the block. It may have ``await`` anywhere, and tracebacks show its lines in the page.

        Raises:
            SyntaxError: the block is not Python.
        """
        text = "\n" * self.number + self.text
        path, awaiting = str(ROOT / self.page), ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code: CodeType = compile(text, path, "exec", awaiting, dont_inherit=True)
        return code


def python_blocks(page: str) -> list[CodeBlock]:
    """All Python blocks of a page, those within lists included."""
    found: list[CodeBlock] = []
    heading, begun, inside = "", 0, list[str]()
    for line in lines(page):
        if begun and line.text.strip() == "```":
            found.append(CodeBlock(page, heading, begun, textwrap.dedent("\n".join(inside)) + "\n"))
            begun, inside = 0, []
        elif begun:
            inside.append(line.text)
        elif line.text.strip() == "```python":
            begun = line.number
        elif title := re.fullmatch(r"#{1,6} (.+)", line.text):
            heading = title[1]
    return found


def blocks_under(heading: str, page: str = GUIDE) -> list[CodeBlock]:
    """The Python blocks under one heading."""
    return [block for block in python_blocks(page) if block.heading == heading]
