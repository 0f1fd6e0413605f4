"""This API as an OpenAPI 3.1 document. ``openapi.yaml`` beside this file is written by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from config.yaml_files import read_yaml

_FILE = Path(__file__).with_name("openapi.yaml")


def document() -> dict[str, Any]:
    """The document. Reads a file, which blocks."""
    loaded: dict[str, Any] = read_yaml(_FILE)
    return loaded
