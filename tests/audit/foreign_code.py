"""Finds calls and imports with which a program could run data from outside as code, such as shells and pickles.

Ruff has Bandit's rules, which find most of them. The rules miss asyncio's shells, the loaders of numpy and PyTorch, and
imports of pickle in files that load nothing with it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

PROGRAMS = ("audio", "bot", "config", "hardware", "languages", "tts_server", "web_access", "wire")
"""Packages that users run."""
_PICKLING = frozenset({"cloudpickle", "dill", "joblib", "jsonpickle", "marshal", "pickle", "shelve"})
_RUNNING = frozenset(
    {
        *("eval", "exec", "compile", "create_subprocess_shell", "getoutput", "getstatusoutput"),
        *("asyncio.create_subprocess_shell", "os.popen", "os.system", "subprocess.getoutput"),
        *("subprocess.getstatusoutput",),
    }
)
_SWITCHES = {("shell", True), ("allow_pickle", True), ("weights_only", False), ("trust_remote_code", True)}


def code_from_outside(text: str) -> Iterator[tuple[int, str]]:
    """The line and the name of each call or import in a Python file that could run what comes from outside."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Import():
                yield from ((node.lineno, each.name) for each in node.names if _is_pickling(each.name))
            case ast.ImportFrom(module=str(module)) if _is_pickling(module):
                yield node.lineno, module
            case ast.Call(func=ast.Name() | ast.Attribute()) if (name := ast.unparse(node.func)) in _RUNNING:
                yield node.lineno, name
            case ast.keyword(arg=str(name), value=ast.Constant(value=bool(value))) if (name, value) in _SWITCHES:
                yield node.value.lineno, f"{name}={value}"


def code_from_outside_in(root: Path, packages: Iterable[str] = PROGRAMS) -> list[str]:
    """A line for each such call or import in the packages."""
    return [
        f"{file.relative_to(root)}, line {line}: {name}"
        for package in packages
        for file in sorted((root / package).rglob("*.py"))
        for line, name in code_from_outside(file.read_text(encoding="utf-8"))
    ]


def _is_pickling(module: str) -> bool:
    return module.partition(".")[0] in _PICKLING
