"""The tool ``read_page``: reads a web page that somebody named, or that a search found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.fetching.errors import FetchError
from bot.fetching.fetcher import FetchedFile, Fetcher, FetchLimits, FetchRequest
from bot.llm.tools import ToolDescription
from bot.text import shorten
from bot.tools.builtin import page_text
from bot.tools.builtin.links import Links, full_address
from bot.tools.tool import Asker, ReadOnlyTool, ToolError, ToolResult
from config.children import run_child

PART_CHARS = 3_400
"""Characters of a page that are returned at a time."""
MAX_PARTS = page_text.MAX_TEXT // PART_CHARS
READ_SECONDS = 10.0
"""Maximum number of seconds for extracting the text of a page that was fetched."""
_LIMITS = FetchLimits(size=2 * 1024 * 1024, seconds=15.0, idle_seconds=8.0)
_HTML = frozenset({"text/html", "application/xhtml+xml"})
_TYPES = _HTML | {"text/plain", "text/markdown", "application/json"}
NOT_NAMED = (
    "The address {address} may not be read: nobody in this conversation has named it, and no search has found it. "
    "Ask the people for it, or search."
)
DESCRIPTION = ToolDescription(
    "read_page",
    "Reads the text of a web page that somebody here has named, or that search_web has found. No other page.",
    {
        "type": "object",
        "properties": {
            "address": {"type": "string", "description": "The page's address, exactly as it was named or found."},
            "part": {"type": "integer", "description": "Which part of a long page: 1 is its beginning."},
        },
        "required": ["address"],
        "additionalProperties": False,
    },
)


class ReadPage(ReadOnlyTool):
    """Reads web pages.

    Args:
        links: the addresses that may be read.
        read_seconds: maximum number of seconds for extracting the text of a page that was fetched.
    """

    description = DESCRIPTION

    def __init__(self, fetcher: Fetcher, links: Links, *, read_seconds: float = READ_SECONDS) -> None:
        self._fetcher = fetcher
        self._read_seconds = read_seconds
        self._links = links

    async def run(self, arguments: Mapping[str, Any], asker: Asker) -> ToolResult:
        """Read ``part`` of the page at ``address``.

        Raises:
            ToolError: the page may not be read, takes too long to read, or has no such part.
        """
        written = str(arguments.get("address", "")).strip()
        if not self._links.include(asker, written):
            raise ToolError(NOT_NAMED.format(address=shorten(written, 200)))
        # The check of the arguments lets 3.0 pass as an integer, but not Infinity, so int() can't fail.
        part = int(arguments.get("part") or 1)
        try:
            found = await self._fetcher.fetch(FetchRequest(full_address(written), _LIMITS, types=_TYPES))
        except FetchError as error:
            # The reason can contain words of the server: a media type, or the name of a host to which it redirects.
            return ToolResult(f"The page can't be read: {error}.", trusted=False)
        text = await _text_of(found, self._read_seconds)
        parts = min(max(1, -(-len(text) // PART_CHARS)), MAX_PARTS)
        if not 1 <= part <= parts:
            raise ToolError(f"The page has {parts} part{'s' if parts > 1 else ''}, so there is no part {part}.")
        if not text:
            return ToolResult("The page has no text. It may need a browser.")
        shown = text[(part - 1) * PART_CHARS : part * PART_CHARS]
        return ToolResult(shown if parts == 1 else f"Part {part} of {parts}:\n{shown}", trusted=False)


async def _text_of(page: FetchedFile, seconds: float) -> str:
    """The text of a page.

    Raises:
        ToolError: reading takes too much time or memory.
    """
    # What the server has said becomes an argument of a program, so only characters of charset names are kept.
    charset = "".join(char for char in page.charset[:40] if char.isascii() and (char.isalnum() or char in "-_"))
    kind = "html" if page.media_type in _HTML else "text"
    try:
        child = await run_child("-I", str(Path(page_text.__file__)), kind, charset, given=page.body, limit=seconds)
    except TimeoutError as error:
        raise ToolError("The page can't be read: finding its text takes too long.") from error
    if child.status:
        raise ToolError("The page can't be read: finding its text takes too much time or memory.")
    return child.output.decode("utf-8", "replace").strip()
