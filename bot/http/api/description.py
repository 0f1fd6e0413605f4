"""``GET /openapi.json``: this API as an OpenAPI 3.1 document. ``openapi.yaml`` beside this file is written by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from config.yaml_files import read_yaml

_FILE = Path(__file__).with_name("openapi.yaml")


def document() -> dict[str, Any]:
    """The document. Reads a file."""
    loaded: dict[str, Any] = read_yaml(_FILE)
    return loaded


class DescriptionApi:
    """The endpoint.

    Args:
        described: the document, made by :func:`document`.
    """

    def __init__(self, described: Mapping[str, Any]) -> None:
        self._body = json.dumps(described).encode()

    async def show(self, _: web.Request) -> web.Response:
        """``GET /openapi.json``."""
        return web.Response(body=self._body, content_type="application/json")
