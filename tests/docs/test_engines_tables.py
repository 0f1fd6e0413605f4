"""The operator guide's tables of engines: they have RealtimeTTS's engines as the speech server knows them."""

from __future__ import annotations

import ast
import importlib.util
import json
from pathlib import Path

import pytest

from tests.docs.pages import OPERATOR, Row, rows
from tts_server.engines.offline import ONLINE_ENGINES
from tts_server.engines.realtime_tts.factory import NAMED_ENGINES

TABLES = list(rows(OPERATOR, "`TTS_ENGINE`"))
CLOUD = [row for row in TABLES if len(row.cells) == 4]
HERE = [row for row in TABLES if len(row.cells) == 3]


def test_every_engine_has_its_row() -> None:
    assert sorted(row.code(0)[0] for row in CLOUD) == sorted(ONLINE_ENGINES)
    assert sorted(row.code(0)[0] for row in HERE) == sorted(set(NAMED_ENGINES) - ONLINE_ENGINES)


@pytest.mark.parametrize("row", TABLES, ids=lambda row: row.code(0)[0])
def test_the_packages_of_an_engine_are_those_in_its_error(row: Row) -> None:
    assert row.code(1)[0] == NAMED_ENGINES[row.code(0)[0]].packages, row.line


@pytest.mark.parametrize("row", CLOUD, ids=lambda row: row.code(0)[0])
def test_the_keys_of_an_engine_are_the_variables_that_are_read(row: Row) -> None:
    named = NAMED_ENGINES[row.code(0)[0]]
    assert row.code(2) == [*named.secrets.values(), *named.variables], row.line


@pytest.mark.parametrize("row", HERE, ids=lambda row: row.code(0)[0])
def test_the_weights_of_an_engine_are_those_in_its_error(row: Row) -> None:
    told = row.code(2)[0] if row.code(2) else "see its own documentation"
    assert NAMED_ENGINES[row.code(0)[0]].weights.endswith(told), row.line


@pytest.mark.parametrize("row", CLOUD, ids=lambda row: row.code(0)[0])
def test_the_options_in_the_table_are_those_of_the_engine(row: Row) -> None:
    options = json.loads(row.code(3)[0])
    assert set(options) <= _constructor(row.code(0)[0]), row.line


def _constructor(name: str) -> set[str]:
    """The parameters of an engine's class, read without importing it, because its packages may be missing."""
    named = NAMED_ENGINES[name]
    found = importlib.util.find_spec("RealtimeTTS")
    assert found is not None
    assert found.origin is not None
    module = ast.parse((Path(found.origin).parent / "engines" / f"{named.module}.py").read_text(encoding="utf-8"))
    kinds = [node for node in module.body if isinstance(node, ast.ClassDef) and node.name == f"{named.name}Engine"]
    makers = [node for node in kinds[0].body if isinstance(node, ast.FunctionDef) and node.name == "__init__"]
    arguments = makers[0].args
    return {argument.arg for argument in [*arguments.args, *arguments.kwonlyargs]} - {"self"}
