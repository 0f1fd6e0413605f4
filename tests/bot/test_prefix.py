"""Tests that the texts that people read name commands with the operator's prefix, not with a fixed ``!``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from config.project import ROOT

_BY_FIXED_PREFIX = re.compile(r"![a-z]{2}|`!$")


def _texts(source: str) -> Iterator[tuple[int, str]]:
    """The string literals of a module with their lines.

    Docstrings are left out, except for those of commands (decorated async functions), which ``help`` shows.
    """
    tree = ast.parse(source)
    not_shown: set[ast.AST] = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list) or (isinstance(node, ast.AsyncFunctionDef) and node.decorator_list):
            continue
        not_shown |= {each.value for each in body if isinstance(each, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in not_shown:
            yield node.lineno, node.value


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('A = "Use `!leave` first."', ["Use `!leave` first."]),
        ('"""Shows what `!join` did."""', []),
        ('def f(x):\n    """As `!join`."""\n    return f"{x}: !join"', [": !join"]),
        ('@command()\nasync def f(x):\n    """See `!join`."""', ["See `!join`."]),
        ('A = f"Use `!{name}`."', ["Use `!"]),
        ('A = "Hello! `{prefix}join` helps."', []),
    ],
)
def test_the_search_finds_what_people_read(source: str, found: list[str]) -> None:
    assert [text for _, text in _texts(source) if _BY_FIXED_PREFIX.search(text)] == found


def test_no_text_names_a_command_by_a_fixed_prefix() -> None:
    named = [
        f"{file.relative_to(ROOT)}, line {line}: {text!r}"
        for file in sorted((ROOT / "bot").rglob("*.py"))
        for line, text in _texts(file.read_text("utf-8"))
        if _BY_FIXED_PREFIX.search(text)
    ]
    assert named == [], "write {prefix} instead of `!`, and fill in COMMAND_PREFIX"
