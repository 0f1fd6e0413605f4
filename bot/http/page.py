"""The files of the page, served from memory: there is no way from an address to any other file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Self

from aiohttp import hdrs, web

FOLDER = Path(__file__).with_name("page")
INDEX = "index.html"
CONTENT_TYPES: Mapping[str, str] = MappingProxyType(
    {
        ".html": "text/html; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".mjs": "text/javascript; charset=utf-8",
        ".json": "application/json; charset=utf-8",
        ".webmanifest": "application/manifest+json; charset=utf-8",
        ".svg": "image/svg+xml; charset=utf-8",
        ".png": "image/png",
        ".ico": "image/x-icon",
        ".webp": "image/webp",
        ".woff2": "font/woff2",
        ".wasm": "application/wasm",
        ".txt": "text/plain; charset=utf-8",
    }
)
"""The kinds of files that the page may have. Others in its folder are not served."""


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file of the page. ``tag`` is a hash of its content, for caches."""

    body: bytes
    content_type: str
    tag: str


class Page:
    """The page. Made by :meth:`load`.

    Args:
        files: the files, by their paths in the folder, such as ``style.css``.
    """

    def __init__(self, files: Mapping[str, PageFile]) -> None:
        self._files = {"/" if path == INDEX else f"/{path}": file for path, file in files.items()}

    @classmethod
    def load(cls, folder: Path = FOLDER) -> Self:
        """Read all files of a folder. Blocks on the disk; raises :class:`OSError`."""
        found = {}
        for path in sorted(folder.rglob("*")):
            name, content_type = path.relative_to(folder), CONTENT_TYPES.get(path.suffix)
            if content_type is None or not path.is_file() or any(part.startswith(".") for part in name.parts):
                continue
            body = path.read_bytes()
            found[name.as_posix()] = PageFile(body, content_type, hashlib.sha256(body).hexdigest()[:32])
        return cls(found)

    @property
    def paths(self) -> frozenset[str]:
        """The paths of the addresses at which the files are served."""
        return frozenset(self._files)

    @property
    def routes(self) -> Sequence[web.RouteDef]:
        """A route for each file."""
        return [web.get(path, partial(_send, file)) for path, file in self._files.items()]


async def _send(file: PageFile, request: web.Request) -> web.Response:
    # A browser may keep the file, and has to ask each time whether it is still the same.
    headers = {hdrs.ETAG: f'"{file.tag}"', hdrs.CACHE_CONTROL: "no-cache"}
    if any(known.value in (file.tag, "*") for known in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    return web.Response(body=file.body, headers={**headers, hdrs.CONTENT_TYPE: file.content_type})
