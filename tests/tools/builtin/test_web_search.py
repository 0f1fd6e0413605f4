"""The tool that searches the web, with a SearXNG server that may be broken or lie."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from bot.fetching.fetcher import Fetcher
from bot.tools.builtin.links import Links
from bot.tools.builtin.web_search import SearchWeb
from tests.http_server import LocalServer, app_of
from tests.tools.builtin.asking import ADA, ask


class SearchEngine(LocalServer):
    """SearXNG at ``/searx``."""

    def __init__(self) -> None:
        self.answer: Any = {"results": []}
        self.status = 200
        self.content_type = "application/json"
        self.asked: list[dict[str, str]] = []
        super().__init__(app_of("/searx/search", self._answer, method="GET"), "/searx")

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query))
        text = self.answer if isinstance(self.answer, str) else json.dumps(self.answer)
        return web.Response(status=self.status, text=text, content_type=self.content_type)


@pytest.fixture
async def engine() -> AsyncIterator[SearchEngine]:
    async with SearchEngine() as server:
        yield server


async def test_results_are_told_as_the_words_of_others_and_their_pages_may_be_read(engine: SearchEngine) -> None:
    links = Links()
    engine.answer = {
        "answers": ["42", {"answer": "forty-two"}],
        "results": [
            {"title": "The  answer", "url": "https://example.org/42", "content": "It is\n42.", "publishedDate": None},
            {"title": "News", "url": "https://news.example/", "publishedDate": "2026-11-27T10:00:00"},
        ],
    }
    told = await ask(SearchWeb(engine.url, Fetcher(), links), query="  the   answer ")
    assert engine.asked == [{"q": "the answer", "format": "json"}]
    assert "Others wrote it" in told
    assert "Answer: 42\nAnswer: forty-two\n1. The answer (https://example.org/42)\n   It is 42.\n" in told
    assert "2. News (https://news.example/, 2026-11-27)" in told
    assert links.include(ADA, "https://example.org/42")
    assert not links.include(ADA, "https://example.org/43")


async def test_many_and_long_results_are_bounded(engine: SearchEngine) -> None:
    engine.answer = {
        "results": [{"title": "t" * 9_000, "url": f"https://e.org/{n}", "content": "c" * 9_000} for n in range(50)]
    }
    told = await ask(SearchWeb(engine.url, Fetcher(), Links()), query="x")
    assert "\n5. " in told
    assert "\n6. " not in told
    assert len(told) < 4_000


async def test_that_nothing_was_found_is_reported(engine: SearchEngine) -> None:
    assert (
        await ask(SearchWeb(engine.url, Fetcher(), Links()), query="xyzzy") == "The search found nothing for 'xyzzy'."
    )
    assert await ask(SearchWeb(engine.url, Fetcher(), Links()), query=" ") == "There is nothing to search for."


@pytest.mark.parametrize(
    "answer",
    [
        *("not json", "[", "[]", "null", '{"results": 1e999}', '{"results": NaN}', "[" * 100_000),
        {"results": "none"},
        {"results": [1, None, [], {}, {"url": 5}, {"url": "javascript:alert(1)"}, {"url": "https://a b"}]},
        {"results": [{"url": "https://e.org/" + "a" * 1_000}], "answers": [None, {}, 7]},
    ],
)
async def test_nonsense_is_reported_as_a_failure_or_as_nothing(engine: SearchEngine, answer: Any) -> None:
    engine.answer = answer
    told = await ask(SearchWeb(engine.url, Fetcher(), Links()), query="x")
    assert told.startswith(("The web can't be searched at the moment", "The search found nothing"))


@pytest.mark.parametrize(
    ("status", "content_type"), [(403, "text/html"), (429, "application/json"), (200, "text/html")]
)
async def test_a_refusal_of_the_search_engine_is_reported_with_the_name_of_the_setting(
    engine: SearchEngine, status: int, content_type: str
) -> None:
    engine.status, engine.content_type = status, content_type
    told = await ask(SearchWeb(engine.url, Fetcher(), Links()), query="x")
    assert told.startswith("The web can't be searched at the moment")
    assert "SEARXNG_URL" in told


async def test_a_redirect_takes_no_words_to_another_host(engine: SearchEngine) -> None:
    async def lead_elsewhere(request: web.Request) -> web.Response:
        raise web.HTTPFound(str(URL(engine.url).with_host("localhost") / "search" % request.query))

    async with LocalServer(app_of("/search", lead_elsewhere, method="GET")) as redirecting:
        told = await ask(SearchWeb(redirecting.url, Fetcher(may_reach=lambda _: True), Links()), query="x")
    assert "it redirects me elsewhere" in told
    assert "SEARXNG_URL" in told
    assert engine.asked == []


async def test_a_redirect_on_the_same_host_is_followed(engine: SearchEngine) -> None:
    async def lead_to_the_engine(request: web.Request) -> web.Response:
        raise web.HTTPFound(str(URL(engine.url) / "search" % request.query))

    async with LocalServer(app_of("/search", lead_to_the_engine, method="GET")) as redirecting:
        await ask(SearchWeb(redirecting.url, Fetcher(), Links()), query="x")
    assert len(engine.asked) == 1
