"""Strangers' pages can't use the server: neither by a name that leads to it (DNS rebinding), nor from elsewhere."""

from __future__ import annotations

import pytest

from tests.bot.http.web_stage import SECRET, WebStage, bearer, web_stage

FRIEND = "https://friend.example"
STRANGER = "https://evil.example"


@pytest.mark.parametrize("path", ["/", "/app.js", "/health", "/thing", "/login", "/nowhere"])
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8770",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8770",
        "192.168.1.5:8770",
        "0.0.0.0:8770",
        "[2001:db8::1]:8770",
    ],
)
async def test_a_strangers_name_for_this_machine_is_refused_everywhere(local: WebStage, path: str, host: str) -> None:
    answer = await local.ask(path, headers={"Host": host})
    assert (answer.status, answer.code) == (403, "bad_host")
    assert "127.0.0.1" in answer.json["error"]["message"]


@pytest.mark.parametrize(
    "host",
    ["[", "a b", "evil.example@127.0.0.1", "127.0.0.1/x", "127.0.0.1#x", "::1", "ｌocalhost", "a。b", "", "x" * 5000],
)
async def test_a_host_that_is_no_host_is_refused(local: WebStage, locked: WebStage, host: str) -> None:
    for stage in (local, locked):
        answer = await stage.ask("/health", headers={"Host": host})
        assert (answer.status, answer.code) == (400, "bad_host")


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8770", "localhost:8770", "LOCALHOST", "[::1]:8770", "a.localhost", "bot:80"]
)
async def test_this_machines_own_names_are_admitted(local: WebStage, host: str) -> None:
    assert (await local.ask("/thing", headers={"Host": host})).status == 200


async def test_with_a_token_the_server_may_have_any_name(locked: WebStage) -> None:
    answer = await locked.ask("/thing", headers={"Host": "talk.example", **bearer()})
    assert answer.status == 200


@pytest.mark.parametrize(
    "origin",
    [
        STRANGER,
        "null",
        "",
        "http://localhost:3000",
        "http://127.0.0.1",
        "http://127.0.0.1.evil.example",
        "app://127.0.0.1:{port}",
        "http://evil@127.0.0.1:{port}",
        "http://127.0.0.1:{port}/",
        "http://127.0.0.1:{port}.evil.example",
        "*",
        "http://[",
        "x" * 4000,
    ],
)
async def test_pages_from_elsewhere_are_refused_with_and_without_a_token(
    local: WebStage, locked: WebStage, origin: str
) -> None:
    for stage, headers in ((local, {}), (locked, bearer())):
        page = origin.format(port=stage.port)
        for path, method in (("/thing", "GET"), ("/login", "POST")):
            answer = await stage.ask(path, method, headers={"Origin": page, **headers})
            expected = page == f"http://127.0.0.1:{stage.port}/"
            assert (answer.code == "bad_origin") is not expected, page
            assert "Access-Control-Allow-Origin" not in answer.headers


async def test_two_origins_are_both_checked(local: WebStage) -> None:
    own = f"http://127.0.0.1:{local.port}"
    answer = await local.ask("/thing", headers=[("Origin", own), ("Origin", STRANGER)])
    assert answer.code == "bad_origin"


async def test_the_pages_own_origin_is_admitted(local: WebStage, locked: WebStage) -> None:
    assert (await local.ask("/thing", headers={"Origin": f"http://127.0.0.1:{local.port}"})).status == 200
    by_proxy = {"Host": "talk.example", "Origin": "https://talk.example", "X-Forwarded-Proto": "https"}
    assert (await locked.ask("/thing", headers={**by_proxy, **bearer()})).status == 200
    quiet_proxy = {"Host": "talk.example:443", "Origin": "https://talk.example"}
    assert (await locked.ask("/thing", headers={**quiet_proxy, **bearer()})).status == 200


async def test_a_page_over_http_may_not_use_the_server_over_https(locked: WebStage) -> None:
    headers = {"Host": "talk.example", "Origin": "http://talk.example", "X-Forwarded-Proto": "https", **bearer()}
    assert (await locked.ask("/thing", headers=headers)).code == "bad_origin"


async def test_allowed_pages_are_admitted_and_may_read_the_answers() -> None:
    asking = {"Origin": FRIEND, "Access-Control-Request-Method": "PATCH"}
    async with web_stage(allowed=[FRIEND]) as stage:
        answer = await stage.ask("/thing", "OPTIONS", headers=asking)
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, FRIEND)
        assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
        answer = await stage.ask("/thing", headers={"Origin": FRIEND})
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, FRIEND)
        assert (await stage.ask("/thing", headers={"Host": "friend.example"})).status == 200
        assert (await stage.ask("/thing", "OPTIONS", headers={**asking, "Origin": STRANGER})).code == "bad_origin"


async def test_a_star_allows_every_page_that_has_the_token() -> None:
    async with web_stage(SECRET, ["*"]) as stage:
        assert (await stage.ask("/thing", headers={"Origin": STRANGER})).status == 401
        assert (await stage.ask("/thing", headers={"Origin": STRANGER, **bearer()})).status == 200


ELSEWHERE = ("cross-site", "same-site")


@pytest.mark.parametrize("site", ELSEWHERE)
@pytest.mark.parametrize("referer", [None, f"{STRANGER}/page", "http://127.0.0.1:1/", "http://[", "null", "x"])
async def test_pages_from_elsewhere_can_not_ask_for_pictures_sounds_and_links_either(
    local: WebStage, locked: WebStage, site: str, referer: str | None
) -> None:
    """With requests for pictures, sounds and links, a browser sends no Origin, but says that another site asks."""
    said = {"Sec-Fetch-Site": site, **({"Referer": referer} if referer is not None else {})}
    for stage, headers in ((local, {}), (locked, bearer())):
        answer = await stage.ask("/thing", headers={**headers, **said})
        assert (answer.status, answer.code) == (403, "bad_origin")


@pytest.mark.parametrize("site", ELSEWHERE)
async def test_a_link_from_elsewhere_opens_the_page(local: WebStage, site: str) -> None:
    for path in ("/", "/app.js", "/health"):
        assert (await local.ask(path, headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"})).status == 200


@pytest.mark.parametrize("site", ["same-origin", "none"])
async def test_the_page_itself_and_typed_addresses_are_answered(local: WebStage, site: str) -> None:
    assert (await local.ask("/thing", headers={"Sec-Fetch-Site": site})).status == 200


async def test_an_allowed_page_may_ask_for_pictures_and_sounds() -> None:
    async with web_stage(allowed=[FRIEND]) as stage:
        headers = {"Sec-Fetch-Site": "cross-site", "Referer": f"{FRIEND}/"}
        assert (await stage.ask("/thing", headers=headers)).status == 200
