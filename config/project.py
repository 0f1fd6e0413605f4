"""Where the project lies: a program that is started in another folder finds its packages there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

ROOT = Path(__file__).resolve().parent.parent


def child_environment(more: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """This process's environment for a child that runs code of the project, with ``more`` variables.

    The child keeps this process's working folder, so that both read the same ``.env``.
    """
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}
