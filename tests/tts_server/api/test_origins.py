"""Allowed web pages can use the API from a browser, and all others can't."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.tts_server.api.speaking import PATH
from tests.tts_server.client import RunningServer, running
from tests.tts_server.stand_in_engines import CountingEngine

PAGE = "http://chat.example:8000"
STRANGER = "https://evil.example"
SECRET = "correct horse"
ASKING = {
    "Origin": PAGE,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,x-stainless-os",
}


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    async with running(CountingEngine(), allowed_origins=[PAGE]) as server:
        yield server


@pytest.fixture
async def locked() -> AsyncIterator[RunningServer]:
    async with running(CountingEngine(), token=SECRET, allowed_origins=["*"]) as server:
        yield server


async def _ask(
    server: RunningServer, method: str, path: str, headers: dict[str, str], **options: Any
) -> tuple[int, dict[str, str], str]:
    async with server.session.request(method, server.url(path), headers=headers, **options) as answer:
        return answer.status, dict(answer.headers), await answer.text(errors="replace")


@pytest.mark.parametrize("path", [PATH, "/v1/voices", "/v1/voices/x", "/v1/performance", "/openapi.json"])
async def test_a_preflight_of_an_allowed_page_names_its_permissions(server: RunningServer, path: str) -> None:
    status, headers, _ = await _ask(server, "OPTIONS", path, ASKING)
    assert status == 204
    assert headers["Access-Control-Allow-Origin"] == PAGE
    assert {"GET", "POST", "PUT", "DELETE"} <= set(headers["Access-Control-Allow-Methods"].split(", "))
    assert "x-stainless-os" in headers["Access-Control-Allow-Headers"]
    assert headers["Vary"] == "Origin"


async def test_a_preflight_needs_no_token(locked: RunningServer) -> None:
    status, headers, _ = await _ask(locked, "OPTIONS", PATH, ASKING)
    assert (status, headers["Access-Control-Allow-Origin"]) == (204, PAGE)
    assert "authorization" in headers["Access-Control-Allow-Headers"].lower()
    status, headers, _ = await _ask(locked, "POST", PATH, {"Origin": PAGE}, json={"input": "Hello."})
    assert (status, headers["Access-Control-Allow-Origin"]) == (401, PAGE), "the page can read why"
    with_token = {"Origin": PAGE, "Authorization": f"Bearer {SECRET}"}
    status, headers, _ = await _ask(locked, "POST", PATH, with_token, json={"input": "Hello."})
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, PAGE)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", PATH, {"input": "Hello there."}, 200),
        ("POST", PATH, {"input": "Hello there.", "stream_format": "sse"}, 200),
        ("POST", PATH, {"input": ""}, 400),
        ("POST", PATH, {"input": "x", "voice": "nobody"}, 400),
        ("GET", "/v1/audio/voices", None, 200),
        ("GET", "/v1/voices/nobody", None, 404),
        ("GET", "/nowhere", None, 404),
        ("DELETE", "/v1/models", None, 405),
        ("GET", "/health", None, 200),
    ],
)
async def test_every_answer_names_the_page_that_may_read_it(
    server: RunningServer, method: str, path: str, body: object, status: int
) -> None:
    given, headers, _ = await _ask(server, method, path, {"Origin": PAGE}, **({"json": body} if body else {}))
    assert (given, headers["Access-Control-Allow-Origin"]) == (status, PAGE)


async def test_other_pages_are_refused_and_read_nothing(server: RunningServer) -> None:
    for method, path in (("OPTIONS", PATH), ("POST", PATH), ("GET", "/v1/voices")):
        status, headers, _ = await _ask(server, method, path, {**ASKING, "Origin": STRANGER})
        assert status == 403
        assert "Access-Control-Allow-Origin" not in headers
    for origin in (f"{PAGE}.evil.example", "http://chat.example", "https://chat.example:8000", "null", ""):
        _, headers, _ = await _ask(server, "GET", "/health", {"Origin": origin})
        assert "Access-Control-Allow-Origin" not in headers


async def test_without_the_setting_no_page_reads_anything() -> None:
    async with running(CountingEngine()) as server:
        status, headers, _ = await _ask(server, "OPTIONS", PATH, {**ASKING, "Origin": "http://localhost:3000"})
        assert status == 405
        assert not [name for name in headers if name.startswith("Access-Control")]


async def test_the_websocket_lets_allowed_pages_in_and_no_others(server: RunningServer) -> None:
    async with server.connect(origin=PAGE) as client:
        await client.say("Hello.")
        assert (await client.hear()).text == "Hello."
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await server.session.ws_connect(server.url("/ws/stream"), origin=STRANGER)
    assert refused.value.status == 403


@pytest.mark.parametrize("odd", ["x\r\nSet-Cookie: a=b", "a" * 5000, "ä"])
async def test_invalid_header_names_are_not_returned(server: RunningServer, odd: str) -> None:
    asking = {**ASKING, "Access-Control-Request-Headers": odd.replace("\r\n", " ")}
    status, headers, _ = await _ask(server, "OPTIONS", PATH, asking)
    assert (status, headers["Access-Control-Allow-Headers"]) == (204, "Authorization, Content-Type")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("evil.example:8765", 403),
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("[", 403),
        ("192.168.1.5:8765", 403),
        ("tts:8765", 200),
        ("127.0.0.1:8765", 200),
        ("localhost:8765", 200),
        ("LOCALHOST", 200),
        ("[::1]:8765", 200),
        ("seiyuu.localhost:8765", 200),
        ("chat.example", 200),
    ],
)
async def test_a_foreign_host_name_that_points_here_is_refused(server: RunningServer, host: str, status: int) -> None:
    given, _, text = await _ask(server, "GET", "/v1/voices", {"Host": host})
    assert given == status
    if status == 403:
        assert '"code": "bad_host"' in text


async def test_with_a_token_the_server_accepts_any_host_name(locked: RunningServer) -> None:
    headers = {"Host": "voice.example", "Authorization": f"Bearer {SECRET}"}
    assert (await _ask(locked, "GET", "/v1/voices", headers))[0] == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("referer", [None, f"{STRANGER}/page", "http://["])
async def test_a_foreign_page_can_not_make_the_engine_speak_by_embedding_a_sound(
    server: RunningServer, site: str, referer: str | None
) -> None:
    """A browser sends no Origin for the sounds and pictures of a page, but says that another site asks."""
    headers = {"Sec-Fetch-Site": site, **({"Referer": referer} if referer is not None else {})}
    for path in ("/v1/voices/x/preview", "/v1/voices", "/ws/stream"):
        status, _, text = await _ask(server, "GET", path, headers)
        assert (status, "bad_origin" in text) == (403, True)
    status, _, _ = await _ask(server, "GET", "/health", headers)
    assert status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "cross-site", "Referer": f"{PAGE}/"},
        {"Sec-Fetch-Site": "same-site", "Referer": "http://localhost:8000/"},
    ],
)
async def test_sounds_of_pages_that_may_use_the_server_are_answered(
    server: RunningServer, headers: dict[str, str]
) -> None:
    status, _, _ = await _ask(server, "GET", "/v1/voices", headers)
    assert status == 200


async def test_a_link_from_elsewhere_opens_the_servers_own_page(server: RunningServer) -> None:
    status, _, _ = await _ask(server, "GET", "/", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"})
    assert status == 200
