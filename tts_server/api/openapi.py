"""``GET /openapi.json``: the description of this API for programs, written by hand in ``openapi.yaml``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

_FILE = Path(__file__).with_name("openapi.yaml")


def document() -> dict[str, Any]:
    """The whole description, as OpenAPI 3.1 has it. Reads a file."""
    loaded: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return loaded


class OpenApi:
    """The endpoint."""

    def __init__(self) -> None:
        self._body = json.dumps(document()).encode()

    def routes(self) -> list[web.RouteDef]:
        """Where it is."""
        return [web.get("/openapi.json", self.show, allow_head=False)]

    async def show(self, _: web.Request) -> web.Response:
        """The description."""
        return web.Response(body=self._body, content_type="application/json")
