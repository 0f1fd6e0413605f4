"""Tests that no module keeps state: two calls would share what belongs to one of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.project import ROOT

PACKAGES = ("audio", "bot", "config", "hardware", "wire")
"""All packages whose code runs in the bot's process."""
CHANGEABLE = frozenset(
    {
        *("Counter", "OrderedDict", "bytearray", "count", "cycle", "defaultdict", "deque", "dict", "list", "set"),
        *("Condition", "ContextVar", "Event", "Lock", "PriorityQueue", "Queue", "Semaphore", "SimpleQueue"),
        *("WeakKeyDictionary", "WeakSet", "WeakValueDictionary"),
    }
)
"""Calls that make an object whose state can change."""
CHANGES = frozenset(
    {
        *("add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem", "remove"),
        *("setdefault", "update"),
    }
)
"""Methods that change a list, a set or a dictionary."""
ALLOWED = frozenset({("config/json_log.py", "CALL"), ("config/json_log.py", "TURN")})
"""Context variables, which are allowed: each call's tasks have values of their own. Only the log shows them."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def faults(name: str, module: ast.Module) -> Iterator[str]:
    """The faults of a module."""
    of_module: set[str] = set()
    for statement in module.body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=target)], value=value)
                | ast.AnnAssign(target=ast.Name(id=target), value=value)
            ):
                of_module.add(target)
                if is_changeable(value) and (name, target) not in ALLOWED:
                    yield f"{name}:{statement.lineno}: {target} can hold state"
            case _:
                pass
    for node in ast.walk(module):
        match node:
            case ast.Global(names=names):
                yield f"{name}:{node.lineno}: changes {', '.join(names)}"
            case ast.Call(func=ast.Attribute(value=ast.Name(id=target), attr=method)) if (
                method in CHANGES and target in of_module
            ):
                yield f"{name}:{node.lineno}: {target}.{method}() changes a constant"
            case ast.Subscript(value=ast.Name(id=target), ctx=ast.Store() | ast.Del()) if target in of_module:
                yield f"{name}:{node.lineno}: {target}[…] is changed"
            case _:
                pass


def is_changeable(value: ast.expr | None) -> bool:
    match value:
        case ast.Call(func=ast.Name(id=made) | ast.Attribute(attr=made), args=args):
            return made in CHANGEABLE and not (made in ("dict", "list", "set") and args)
        case ast.List(elts=[]) | ast.Dict(keys=[]):
            return True
        case _:
            return False


def test_nothing_in_the_process_of_the_bot_is_kept_at_module_level() -> None:
    assert [fault for name, module in modules() for fault in faults(name, module)] == []


@pytest.mark.parametrize(
    "code",
    [
        "calls = {}",
        "calls: list[int] = []",
        "_seen = set()",
        "lock = asyncio.Lock()",
        "NAMES = {1: 2}\ndef note():\n    NAMES[3] = 4",
        "NAMES = [1]\ndef note():\n    NAMES.append(3)",
        "count = 0\ndef note():\n    global count\n    count += 1",
    ],
)
def test_state_at_module_level_is_found(code: str) -> None:
    assert list(faults("made_up.py", ast.parse(code)))


def test_the_packages_are_there() -> None:
    assert all(Path(ROOT / package).is_dir() for package in PACKAGES)
