"""The project's root folder. Child processes get it as PYTHONPATH, so that they can import the project anywhere."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

ROOT = Path(__file__).resolve().parent.parent


def child_environment(extra: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """A copy of this process's environment, with ``extra`` variables, for a child that runs the project's code.

    The child keeps this process's working folder, so that both read the same ``.env``.
    """
    return {**os.environ, "PYTHONPATH": str(ROOT), **extra}
