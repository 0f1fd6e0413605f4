"""Finds the imports between modules in their source, also those within functions and under ``TYPE_CHECKING``.

``python -m tests.arrows [FOLDER]`` counts the arrows (imports between packages), circles of imports, parameters that
are callbacks, and classes of options in a source tree.
"""

from __future__ import annotations

import ast
import gc
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from config.project import ROOT

Graph = Mapping[str, frozenset[str]]
"""A directed graph: the names that each name leads to."""


@dataclass(frozen=True, order=True, slots=True)
class Import:
    """One import, by full module names. ``importer`` belongs to the project, ``imported`` may be any module."""

    importer: str
    imported: str
    line: int

    def __str__(self) -> str:
        return f"{self.importer}, line {self.line}: {self.imported}"


@dataclass(frozen=True, slots=True)
class Module:
    """One module: its imports, its number of callable parameters, and its classes of options."""

    imports: tuple[Import, ...]
    callables_taken: int
    option_classes: tuple[str, ...]


class Tree:
    """The project's modules below a folder, without the tests, which may import everything."""

    def __init__(self, root: Path = ROOT) -> None:
        self.packages = frozenset(init.parent.name for init in root.glob("*/__init__.py"))
        places = [root / package for package in sorted(self.packages - {"tests"})]
        files = {_module_name(root, file): file for place in places for file in sorted(place.rglob("*.py"))}
        self.modules = {name: _read(name, file, files.keys()) for name, file in files.items()}
        self.imports = tuple(each for module in self.modules.values() for each in module.imports)

    def inside(self, package: str) -> Graph:
        """The direct modules and packages of a package. Each is a key, with the set of the others that it imports.

        For the folder itself, ``""``, these are the top-level packages.
        """
        found: dict[str, set[str]] = {part: set() for name in self.modules if (part := part_of(name, package))}
        for each in self.imports:
            start, end = part_of(each.importer, package), part_of(each.imported, package)
            if start and end in found and start != end:
                found[start].add(end)
        return {part: frozenset(others) for part, others in found.items()}


def part_of(module: str, package: str) -> str | None:
    """The direct part of a package in which a module lies: for ``bot.voice.call`` in ``bot`` it is ``bot.voice``."""
    if not package:
        return module.partition(".")[0]
    if not module.startswith(f"{package}."):
        return None
    return f"{package}.{module.removeprefix(f'{package}.').partition('.')[0]}"


def is_in(module: str, place: str) -> bool:
    """Whether a module is ``place``, or in the package ``place``."""
    return module == place or module.startswith(f"{place}.")


def reached(graph: Graph, start: str) -> frozenset[str]:
    """All names that a name leads to, directly or not. The name itself is among them if it is in a circle."""
    found: set[str] = set()
    ahead = list(graph.get(start, ()))
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead += graph.get(name, ())
    return frozenset(found)


def circles(graph: Graph) -> list[list[str]]:
    """The circles: sorted groups of names that all lead to each other, directly or not."""
    ahead = {name: reached(graph, name) for name in graph}
    groups = {frozenset(other for other in ahead[name] if name in ahead[other]) for name in graph}
    return sorted(sorted(group) for group in groups if len(group) > 1)


def _module_name(root: Path, file: Path) -> str:
    return ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def _read(name: str, file: Path, known: Iterable[str]) -> Module:
    # CPython 3.11 can fail with "recursion depth mismatch" if it collects garbage while it builds a syntax tree.
    gc.disable()
    try:
        syntax = ast.parse(file.read_text(encoding="utf-8"))
    finally:
        gc.enable()
    classes = [node for node in ast.walk(syntax) if isinstance(node, ast.ClassDef) and _is_dataclass(node)]
    return Module(
        tuple(_imports(name, syntax, frozenset(known))),
        sum("Callable" in ast.unparse(annotation) for annotation in _parameters(syntax, classes)),
        tuple(each.name for each in classes if each.name.endswith("Options")),
    )


def _imports(importer: str, syntax: ast.Module, known: frozenset[str]) -> Iterator[Import]:
    for node in ast.walk(syntax):
        if isinstance(node, ast.Import):
            yield from (Import(importer, alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level or node.module is None:
                raise ValueError(f"{importer}, line {node.lineno}: relative imports hide what is imported")
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            modules = {name if name in known else node.module for name in names}
            yield from (Import(importer, name, node.lineno) for name in sorted(modules))


def _parameters(syntax: ast.Module, classes: Iterable[ast.ClassDef]) -> Iterator[ast.expr]:
    """The annotations of all parameters of functions and of all fields of dataclasses."""
    for node in ast.walk(syntax):
        if isinstance(node, ast.arg) and node.annotation is not None:
            yield node.annotation
    yield from (field.annotation for each in classes for field in each.body if isinstance(field, ast.AnnAssign))


def _is_dataclass(node: ast.ClassDef) -> bool:
    return any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list)


def _counted(tree: Tree) -> Iterator[str]:
    top = tree.inside("")
    yield f"arrows between the packages at the top: {sum(map(len, top.values()))}"
    yield from (f"  {package} -> {', '.join(sorted(others)) or 'nothing'}" for package, others in sorted(top.items()))
    for package in sorted({name.rpartition(".")[0] for name in tree.modules}):
        found = circles(tree.inside(package))
        if found or package in ("", "bot", "bot.voice"):
            yield f"circles in {package or 'the folder'}: {len(found)}"
            yield from (f"  {', '.join(name.removeprefix(f'{package}.') for name in group)}" for group in found)
    voice = [module for name, module in tree.modules.items() if is_in(name, "bot.voice")]
    yield f"parameters in bot/voice that are Callable: {sum(module.callables_taken for module in voice)}"
    options = [each for name, module in tree.modules.items() if is_in(name, "bot") for each in module.option_classes]
    yield f"classes of options in bot: {len(options)}"
    yield f"  {', '.join(sorted(options))}"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in _counted(Tree(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)))
