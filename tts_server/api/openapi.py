"""What this server says of itself: ``GET /`` for people; ``GET /openapi.json``, by hand in ``openapi.yaml``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

_FILE = Path(__file__).with_name("openapi.yaml")
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Seiyuu's speech server</title>
<h1>Seiyuu's speech server</h1>
<p>This server turns text into speech. It is for programs: it has no page to type into.</p>
<ul>
<li><a href="v1/audio/voices">The voices</a></li>
<li><a href="health">How it is</a></li>
<li><a href="openapi.json">Its interface</a>, as an OpenAPI document; docs/api.md explains it</li>
</ul>
<p>Programs that speak OpenAI's API use this address with <code>/v1</code> at its end.</p>
</html>
"""


def document() -> dict[str, Any]:
    """The whole description, as OpenAPI 3.1 has it. Reads a file."""
    loaded: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return loaded


class OpenApi:
    """The endpoints."""

    def __init__(self) -> None:
        self._document = json.dumps(document()).encode()

    def routes(self) -> list[web.RouteDef]:
        """To be added to an application."""
        return [
            web.get("/", self._page, allow_head=False),
            web.get("/openapi.json", self._show, allow_head=False),
        ]

    async def _page(self, _: web.Request) -> web.Response:
        return web.Response(text=_PAGE, content_type="text/html")

    async def _show(self, _: web.Request) -> web.Response:
        return web.Response(body=self._document, content_type="application/json")
