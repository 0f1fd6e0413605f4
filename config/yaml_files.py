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
    # A safe loader, whatever its name.
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506
