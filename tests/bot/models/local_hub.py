"""A local imitation of Hugging Face's hub with a tiny repository, which can misbehave; and the command line that
downloads from it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from config.project import ROOT
from tests.forked import DEVNULL, MODELS, Forked, forks
from tests.http_server import LocalServer, app_of

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "somebody/tiny"
FILES = {
    "config.json": b'{"tiny": true}',
    "weights/model.bin": random.Random(5).randbytes(3_000_000),
}
LIMIT = 180.0
"""Seconds that a test waits at most, so that a broken test ends."""


@dataclass
class LocalHub:
    """A hub that serves :data:`FILES`, and makes the faults that a test sets. ``url`` is known once it has started.

    Each number in ``breaks_after`` cuts the connection of one longer answer after that many bytes. Each entry in
    ``statuses`` answers one request, instead of the file. After ``holds_after`` bytes, an answer goes no further, and
    ``held`` is set. ``requests`` has the path, the range and the authorization of each request.
    """

    files: dict[str, bytes] = field(default_factory=lambda: dict(FILES))
    knows_ranges: bool = True
    breaks_after: list[int] = field(default_factory=list)
    statuses: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    held: asyncio.Event = field(default_factory=asyncio.Event)
    holds_after: int | None = None
    redirects_to: str | None = None
    requests: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    served: int = 0
    url: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer with a file, or with the fault that the test has set."""
        path = request.match_info["path"]
        self.requests.append((path, request.headers.get("Range"), request.headers.get("Authorization")))
        if self.statuses:
            status, headers = self.statuses.pop(0)
            return web.Response(status=status, headers=headers)
        if self.redirects_to:
            raise web.HTTPFound(f"{self.redirects_to}{request.path}")
        return await self._send(request, self.files[path])

    async def _send(self, request: web.Request, content: bytes) -> web.StreamResponse:
        start = request.http_range.start or 0 if self.knows_ranges else 0
        headers = {"Content-Length": str(len(content) - start)}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        response = web.StreamResponse(status=206 if start else 200, headers=headers)
        await response.prepare(request)
        cut = self.breaks_after[0] if self.breaks_after and len(content) - start > self.breaks_after[0] else None
        for place in range(start, len(content), 50_000):
            block = content[place : place + 50_000]
            if cut is not None and place + len(block) - start > cut:
                self.breaks_after.pop(0)
                assert request.transport is not None
                request.transport.close()
                return response
            if self.holds_after is not None and place - start >= self.holds_after:
                self.held.set()
                await asyncio.sleep(LIMIT)
            await response.write(block)
            self.served += len(block)
        return response


@asynccontextmanager
async def serving(hub: LocalHub) -> AsyncIterator[LocalHub]:
    app = app_of(f"/{REPOSITORY}/resolve/{COMMIT}/{{path:.+}}", hub.answer, method="GET")
    async with LocalServer(app) as server:
        hub.url = server.url
        yield hub


def catalogue_fields() -> dict[str, Any]:
    """A catalogue with the tiny repository, under a free licence and under a licence that must be accepted."""
    files = [
        {"path": path, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for path, content in FILES.items()
    ]
    tiny = {
        "title": "Tiny",
        "part": "ears",
        "repository": REPOSITORY,
        "revision": COMMIT,
        "licence": "mit",
        "vram_gib": 0.5,
        "settings": {"STT_MODEL": "{folder}"},
        "files": files,
    }
    return {
        "licences": {"mit": {"name": "MIT"}, "no-profit": {"name": "No Profit", "consent": "Never for money."}},
        "profiles": {"embedded": [], "local": ["tiny"], "hybrid": [], "api": []},
        "models": {
            "tiny": tiny,
            "strict": {**tiny, "title": "Strict", "licence": "no-profit"},
        },
    }


@dataclass
class CommandLine:
    """``python -m bot models`` in a separate folder, without this machine's settings."""

    folder: Path
    endpoint: str

    @property
    def models(self) -> Path:
        return self.folder / "data" / "models"

    async def start(self, *arguments: str, stdin: int = DEVNULL) -> Forked:
        catalogue = self.folder / "catalogue.yaml"
        catalogue.write_text(yaml.safe_dump(catalogue_fields(), sort_keys=False))
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        places = {"HOME": str(self.folder), "HF_HOME": str(self.folder / "hf"), "HF_ENDPOINT": self.endpoint}
        return await forks(*MODELS).start(
            *("bot", "models", *arguments, "--catalogue", str(catalogue)),
            folder=self.folder,
            environment={**kept, **places, "PYTHONPATH": str(ROOT), "PROFILE": "local", "COLUMNS": "200"},
            stdin=stdin,
        )

    async def run(self, *arguments: str, stdin: int = DEVNULL) -> tuple[int, str]:
        """Run it; returns its exit status and its output."""
        process = await self.start(*arguments, stdin=stdin)
        return await process.finish(LIMIT)
