"""With ``WEB_TOKEN``, everything but the page's files and ``/health`` needs the token, or the cookie of the login."""

from __future__ import annotations

from http.cookies import SimpleCookie

import pytest

from bot.http.cookie import LIFETIME, CookieSeal
from tests.bot.http.web_stage import SECRET, WebStage, bearer, web_stage
from tests.timing import Clock


@pytest.mark.parametrize(
    "headers",
    [
        {},
        bearer("wrong"),
        bearer(""),
        bearer(SECRET + "x"),
        bearer(SECRET[:-1]),
        bearer("ä" * 2000),
        {"Authorization": SECRET},
        {"Authorization": f"Basic {SECRET}"},
        {"Authorization": "Bearer"},
        {"Cookie": f"seiyuu={SECRET}"},
        {"Cookie": "seiyuu="},
        {"Cookie": "seiyuu=9999999999." + 64 * "0"},
        {"Cookie": "seiyuu=" + "9" * 4000},
        {"Cookie": "seiyuu=\udcff; ;;==;"},
        {"Cookie": "other=1; " * 200},
    ],
)
async def test_without_the_token_nothing_is_done(locked: WebStage, headers: dict[str, str]) -> None:
    for path, method in (("/thing", "GET"), ("/thing", "POST"), ("/nowhere", "GET")):
        answer = await locked.ask(path, method, headers=headers)
        assert (answer.status, answer.code) == (401, "bad_token")
        assert SECRET not in answer.text


async def test_the_token_is_never_taken_from_an_address(locked: WebStage) -> None:
    for query in (f"?token={SECRET}", f"?access_token={SECRET}", f"?seiyuu={SECRET}"):
        assert (await locked.ask(f"/thing{query}")).status == 401


async def test_the_page_and_the_health_need_no_token(locked: WebStage) -> None:
    for path in ("/", "/app.js", "/health"):
        assert (await locked.ask(path)).status == 200


async def test_the_word_bearer_before_the_token_may_be_in_upper_or_lower_case(locked: WebStage) -> None:
    for word in ("Bearer", "bearer", "BEARER"):
        assert (await locked.ask("/thing", headers={"Authorization": f"{word}  {SECRET}"})).status == 200


async def test_the_login_gives_a_cookie_that_is_accepted_instead_of_the_token(locked: WebStage) -> None:
    answer = await locked.log_in()
    assert (answer.status, answer.text) == (204, "")
    cookie = SimpleCookie(answer.headers["Set-Cookie"])["seiyuu"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert cookie["path"] == "/"
    assert not cookie["secure"], "on loopback there is no https"
    assert SECRET not in cookie.value
    opened = await locked.ask("/thing", headers={"Cookie": f"seiyuu={cookie.value}"})
    assert opened.status == 200


async def test_over_https_the_cookie_goes_over_https_alone(locked: WebStage) -> None:
    answer = await locked.log_in(headers={"X-Forwarded-Proto": "https"})
    assert SimpleCookie(answer.headers["Set-Cookie"])["seiyuu"]["secure"]


@pytest.mark.parametrize("token", ["", "wrong", "\ud800", SECRET * 20, None, 5, True, [SECRET], {"a": SECRET}])
async def test_a_wrong_token_gets_no_cookie(locked: WebStage, token: object) -> None:
    answer = await locked.log_in(token)
    assert answer.status == (401 if isinstance(token, str) else 400)
    assert "Set-Cookie" not in answer.headers


async def test_only_five_login_attempts_a_minute_are_allowed(locked: WebStage) -> None:
    assert [(await locked.log_in("wrong")).status for _ in range(5)] == [401] * 5
    for token in ("wrong", SECRET):
        answer = await locked.log_in(token)
        assert (answer.status, answer.code) == (429, "too_many_attempts")
        assert answer.headers["Retry-After"] == "12"
    locked.clock.now += 60
    assert (await locked.log_in()).status == 204


async def test_guessing_by_header_is_slowed_down_too_and_cookies_are_still_accepted(locked: WebStage) -> None:
    cookie = await locked.cookie()
    statuses = [(await locked.ask("/thing", headers=bearer(f"guess {n}"))).status for n in range(31)]
    assert statuses == [401] * 30 + [429]
    answer = await locked.ask("/thing", headers=bearer())
    assert (answer.status, answer.code) == (429, "too_many_tokens"), "the right token is refused too"
    assert int(answer.headers["Retry-After"]) >= 1
    assert (await locked.ask("/thing", headers={"Cookie": cookie})).status == 200
    locked.clock.now += 60
    assert (await locked.ask("/thing", headers=bearer())).status == 200


async def test_behind_a_proxy_nobody_uses_up_the_attempts_of_others(locked: WebStage) -> None:
    bad, good = ({"X-Forwarded-For": client} for client in ("192.0.2.7", "192.0.2.8"))
    assert [(await locked.log_in("wrong", headers=bad)).status for _ in range(6)] == [401] * 5 + [429]
    assert (await locked.log_in(headers=good)).status == 204
    for _ in range(30):
        await locked.ask("/thing", headers=bad | bearer("wrong"))
    assert (await locked.ask("/thing", headers=bad | bearer())).status == 429
    assert (await locked.ask("/thing", headers=good | bearer())).status == 200


async def test_whoever_makes_up_clients_of_a_proxy_is_slowed_down_too(locked: WebStage) -> None:
    def made_up(number: int) -> dict[str, str]:
        return {"X-Forwarded-For": f"192.0.2.{number}"}

    statuses = [(await locked.log_in("wrong", headers=made_up(number))).status for number in range(21)]
    assert statuses == [401] * 20 + [429]
    statuses = [(await locked.ask("/thing", headers=made_up(n) | bearer("wrong"))).status for n in range(121)]
    assert statuses == [401] * 120 + [429]


async def test_right_tokens_are_not_counted(locked: WebStage) -> None:
    assert {(await locked.ask("/thing", headers=bearer())).status for _ in range(60)} == {200}


async def test_without_a_token_the_login_always_succeeds(local: WebStage) -> None:
    answer = await local.log_in("whatever")
    assert answer.status == 204
    assert "Set-Cookie" not in answer.headers


async def test_a_cookie_of_another_token_is_worth_nothing(locked: WebStage) -> None:
    cookie = await locked.cookie()
    async with web_stage("another token") as other:
        assert (await other.ask("/thing", headers={"Cookie": cookie})).status == 401


def test_a_cookie_ends_and_can_not_be_prolonged() -> None:
    clock = Clock(1_800_000_000)
    seal = CookieSeal(SECRET, clock)
    value = seal.make()
    clock.now += LIFETIME - 1
    assert seal.is_valid(value)
    clock.now += 1
    assert not seal.is_valid(value)
    until, _, signature = value.partition(".")
    assert not seal.is_valid(f"{int(until) + 1}.{signature}")
    assert not seal.is_valid(f"{until}.{signature.upper()}")
    assert not seal.is_valid("")
