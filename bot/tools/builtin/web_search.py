"""The tool ``search_web``: searches the web with the operator's SearXNG."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from yarl import URL

from bot.fetching.errors import FetchError, HostRefusedError
from bot.fetching.fetcher import Fetcher, FetchLimits, FetchRequest, host_of
from bot.llm.tools import ToolDescription
from bot.text import shorten
from bot.tools.builtin.links import Links
from bot.tools.tool import Asker, ReadOnlyTool, ToolError, ToolResult
from config.plain_json import read_json

MAX_QUERY = 300
"""Maximum number of characters of a query."""
MAX_RESULTS = 5
_MAX_TITLE = 150
_MAX_EXCERPT = 350
_MAX_ADDRESS = 400
"""Maximum number of characters of an address. Results with longer ones are left out."""
_MAX_DATE = 40
"""Maximum number of characters that are read of a date. A date with a time of day has fewer."""
_DAY_LENGTH = 10
"""Number of characters that are shown of a date: of 2026-11-29T08:00:00, only 2026-11-29."""
_MAX_ANSWERS = 2
_LIMITS = FetchLimits(size=3 * 1024 * 1024, seconds=15.0, idle_seconds=12.0, redirects=2)
_JSON = frozenset({"application/json"})
NOTHING_FOUND = "The search found nothing for {query!r}."
FAILED = (
    "The web can't be searched at the moment. The search engine's answer can't be read: {why}. "
    "Whoever runs this bot can check the setting SEARXNG_URL. SearXNG must list json under search.formats."
)
DESCRIPTION = ToolDescription(
    "search_web",
    "Searches the web. Use it for what is new, or what you do not know. Then read_page reads a result.",
    {
        "type": "object",
        "properties": {"query": {"type": "string", "description": "What to search for, as for a search engine."}},
        "required": ["query"],
        "additionalProperties": False,
    },
)


class SearchWeb(ReadOnlyTool):
    """Searches the web.

    Args:
        url: the base address of SearXNG.
        links: remembers the addresses that are found, so that they may be read.
    """

    description = DESCRIPTION

    def __init__(self, url: str, fetcher: Fetcher, links: Links) -> None:
        self._url = url
        self._fetcher = fetcher
        self._links = links

    async def run(self, arguments: Mapping[str, Any], asker: Asker) -> ToolResult:
        """Search for ``query``.

        Raises:
            ToolError: the query is empty, or the search engine does not answer as it should.
        """
        query = shorten(" ".join(str(arguments.get("query", "")).split()), MAX_QUERY)
        if not query:
            raise ToolError("There is nothing to search for.")
        url = (URL(self._url) / "search").with_query(q=query, format="json")
        try:
            # A redirect may lead to https, but only on the same host. No other host gets what people search for.
            hosts = frozenset({host_of(url)})
            request = FetchRequest(str(url), _LIMITS, by_operator=True, types=_JSON, hosts=hosts)
            answer = read_json((await self._fetcher.fetch(request)).body.decode("utf-8"))
        except HostRefusedError as error:
            raise ToolError(FAILED.format(why="it redirects me elsewhere")) from error
        except FetchError as error:
            raise ToolError(FAILED.format(why=error)) from error
        except (ValueError, RecursionError) as error:
            raise ToolError(FAILED.format(why="it is not JSON")) from error
        lines = list(self._lines(answer, asker))
        return ToolResult("\n".join(lines) or NOTHING_FOUND.format(query=query), trusted=not lines)

    def _lines(self, answer: object, asker: Asker) -> Iterator[str]:
        if not isinstance(answer, dict):
            raise ToolError(FAILED.format(why="it has no list of results"))
        for each in _listed(answer, "answers")[:_MAX_ANSWERS]:
            text = _line(each.get("answer") if isinstance(each, dict) else each, _MAX_EXCERPT)
            if text:
                yield f"Answer: {text}"
        number = 0
        for each in _listed(answer, "results"):
            if number == MAX_RESULTS:
                return
            address = each.get("url") if isinstance(each, dict) else None
            if not isinstance(address, str) or not _is_readable(address):
                continue
            number += 1
            self._links.note(asker, address)
            when = _line(each.get("publishedDate"), _MAX_DATE)[:_DAY_LENGTH]
            yield f"{number}. {_line(each.get('title'), _MAX_TITLE)} ({address}{f', {when}' if when else ''})"
            if excerpt := _line(each.get("content"), _MAX_EXCERPT):
                yield f"   {excerpt}"


def _is_readable(address: str) -> bool:
    return (
        address.startswith(("http://", "https://"))
        and len(address) <= _MAX_ADDRESS
        and address.isprintable()
        and " " not in address
    )


def _listed(answer: Mapping[str, Any], key: str) -> list[Any]:
    found = answer.get(key)
    return found if isinstance(found, list) else []


def _line(text: object, limit: int) -> str:
    """The text on one line of at most ``limit`` characters; "" if it is not a text."""
    # A huge text is cut before its words are split, so that it costs little.
    return shorten(" ".join(text[: 20 * limit].split()), limit) if isinstance(text, str) else ""
