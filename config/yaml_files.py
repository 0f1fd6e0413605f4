"""Reading YAML: a start reads a dozen files, which takes libyaml a seventh of what PyYAML's own parser takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from yaml.composer import Composer


class _Loader(Composer, yaml.CSafeLoader):
    """libyaml's parser beneath PyYAML's composer: libyaml's recurses without a limit, and nested lists crash it."""

    def __init__(self, text: str) -> None:
        yaml.CSafeLoader.__init__(self, text)
        Composer.__init__(self)


def read_yaml(path: Path) -> Any:
    """What a file in UTF-8 says, in plain Python values. Blocks.

    Raises:
        OSError, ValueError, yaml.YAMLError, RecursionError: it can't be read; :func:`~config.reasons.reason` says why.
    """
    text = path.read_text(encoding="utf-8")
    try:
        # A safe loader, whatever its name.
        return yaml.load(text, Loader=_Loader)  # noqa: S506
    except yaml.MarkedYAMLError as error:
        # libyaml finds that something has no end in the line after the last one.
        if error.problem_mark is not None:
            line = min(error.problem_mark.line, text.count("\n"))
            error.problem_mark = yaml.Mark(str(path), 0, line, 0, None, 0)
        raise
