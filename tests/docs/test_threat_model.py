"""Each threat in the threat model names tests that exist."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from config.project import ROOT
from tests.docs.pages import Row, rows

THREATS = "docs/threat-model.md"
TABLE = list(rows(THREATS, "who"))


def test_the_table_has_threats() -> None:
    assert len(TABLE) >= 15
    assert {row.header for row in TABLE} == {("who", "what they can reach", "what stops them", "held by")}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"line {row.line.number}")
def test_every_threat_names_tests_that_exist(row: Row) -> None:
    named = row.code(3)
    assert named
    for each in named:
        file, _, test = each.partition("::")
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert test in set(_tests_in(tree.body)), f"{row.line}: there is no {each}"


def _tests_in(nodes: list[ast.stmt]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            yield from (f"{node.name}::{name}" for name in _tests_in(node.body))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
