"""Reads YAML with libyaml. The bot reads a dozen files at its start, and PyYAML's own parser is seven times slower."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from yaml.composer import Composer

TAB = "a tab"
"""The ``problem`` of a YAML error whose line is indented with a tab."""


class _Loader(Composer, yaml.CSafeLoader):
    """libyaml's parser with PyYAML's composer. libyaml's own composer crashes on deep nesting."""

    def __init__(self, text: str) -> None:
        yaml.CSafeLoader.__init__(self, text)
        Composer.__init__(self)


class DuplicateKeyError(ValueError):
    """A key is in a mapping twice. YAML would take the last one, and drop the others silently."""

    def __init__(self, key: str, line: int) -> None:
        super().__init__(f"the key {key!r} in line {line} is there twice")


class _UniqueLoader(_Loader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set[str]()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise DuplicateKeyError(key.value[:40], key.start_mark.line + 1)
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def read_yaml(path: Path, *, unique_keys: bool = False) -> Any:
    """Read a UTF-8 file, and return plain Python values. Blocks.

    Args:
        unique_keys: whether a key that is twice in one mapping is an error.

    Raises:
        DuplicateKeyError: with ``unique_keys``, a key is twice in one mapping.
        OSError, ValueError, yaml.YAMLError, RecursionError: the file can't be read. See
            :func:`~config.reasons.reason`.
    """
    text = path.read_text(encoding="utf-8")
    try:
        # Both are safe loaders, although their names do not say so.
        return yaml.load(text, Loader=_UniqueLoader if unique_keys else _Loader)  # noqa: S506
    except yaml.MarkedYAMLError as error:
        # If something is not closed, libyaml may name a line after the end of the file. That end is reported then.
        if error.problem_mark is not None:
            line = min(error.problem_mark.line, text.count("\n"))
            error.problem_mark = yaml.Mark(str(path), 0, line, 0, None, 0)
            if "\t" in _indentation((text.splitlines() or [""])[min(line, len(text.splitlines()) - 1)]):
                error.problem = TAB
        raise
