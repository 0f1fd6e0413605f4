"""Reads YAML with libyaml. A start reads a dozen files, and PyYAML's own parser would take seven times as long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from yaml.composer import Composer


class _Loader(Composer, yaml.CSafeLoader):
    """libyaml's parser with PyYAML's composer. libyaml's own composer crashes on deep nesting."""

    def __init__(self, text: str) -> None:
        yaml.CSafeLoader.__init__(self, text)
        Composer.__init__(self)


def read_yaml(path: Path) -> Any:
    """Read a UTF-8 file, and return plain Python values. Blocks.

    Raises:
        OSError, ValueError, yaml.YAMLError, RecursionError: the file can't be read. See
            :func:`~config.reasons.reason`.
    """
    text = path.read_text(encoding="utf-8")
    try:
        # `_Loader` is a safe loader, although its name does not say so.
        return yaml.load(text, Loader=_Loader)  # noqa: S506
    except yaml.MarkedYAMLError as error:
        # libyaml reports a missing end in the line after the last one.
        if error.problem_mark is not None:
            line = min(error.problem_mark.line, text.count("\n"))
            error.problem_mark = yaml.Mark(str(path), 0, line, 0, None, 0)
        raise
