"""Tests of the doctor's check of phone calls over Twilio."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from bot.doctor import twilio as doctor
from bot.doctor.telephone import check_telephone
from bot.doctor.twilio import NOT_TRIED, check_twilio, find_bot
from config.phone_sections import PhoneSettings, TwilioSettings
from config.settings import Settings
from tests.bot.http.twilio.stage import twilio_stage

TOKEN = "0123456789abcdef0123456789abcdef"
ACCOUNT = "AC" + TOKEN
PUBLIC = "https://phone.example"


def account(token: str = TOKEN, sid: str | None = ACCOUNT) -> TwilioSettings:
    return TwilioSettings(account_sid=sid, auth_token=SecretStr(token))


@asynccontextmanager
async def server(status: int, text: str = "") -> AsyncIterator[str]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=text)

    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", answer)
    async with TestServer(application, host="127.0.0.1") as running:
        yield str(running.make_url("")).rstrip("/")


async def test_an_address_that_leads_to_the_bot_is_known_by_its_answer() -> None:
    async with twilio_stage() as stage:
        assert await find_bot(stage.url.rstrip("/")) == (True, f"{stage.url.rstrip('/')} leads to me")
        assert stage.answering.decided == [], "the check is not taken for a phone call"


@pytest.mark.parametrize(
    ("status", "text", "good", "says"),
    [
        (502, "", None, "Repeat this check while I run"),
        (403, "no entry", False, "another program"),
        (404, "", False, "answers with status 404"),
        (302, "", False, "another program"),
        (200, "hello", False, "another program"),
    ],
)
async def test_an_address_that_leads_elsewhere_is_reported(
    status: int, text: str, good: bool | None, says: str
) -> None:
    async with server(status, text) as url:
        found, told = await find_bot(url)
    assert found is good
    assert says in told


async def test_an_address_that_only_this_machine_does_not_reach_is_no_fault() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        found, told = await find_bot(f"http://127.0.0.1:{unused.getsockname()[1]}")
    assert found is None
    assert "nothing listens there" in told and "from the internet it may be" in told


async def test_settings_that_are_wrong_in_themselves_are_reported_without_a_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def nobody_asks(url: str) -> tuple[bool, str]:
        raise AssertionError(url)

    monkeypatch.setattr(doctor, "find_bot", nobody_asks)
    plain = await check_twilio("Telephone", PhoneSettings(public_url="http://phone.example"), account())
    assert plain.good is False and "PHONE_PUBLIC_URL must begin with https://" in plain.text
    short = await check_twilio("Telephone", PhoneSettings(public_url=PUBLIC), account("the-token"))
    assert short.good is False and "TWILIO_AUTH_TOKEN is no token of Twilio" in short.text
    assert "the-token" not in short.text


async def test_the_doctor_says_what_was_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    async def found(url: str) -> tuple[bool, str]:
        return True, f"{url} leads to me"

    monkeypatch.setattr(doctor, "find_bot", found)
    result = await check_twilio("Telephone", PhoneSettings(public_url=PUBLIC), account())
    assert result.good is True
    assert result.text == f"{PUBLIC} leads to me. {NOT_TRIED}."
    result = await check_twilio("Telephone", PhoneSettings(public_url=PUBLIC), account(sid=None))
    assert result.good is None
    assert "TWILIO_ACCOUNT_SID is not set" in result.text


@pytest.mark.usefixtures("clean_environment")
async def test_phone_calls_over_sip_and_over_twilio_are_both_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    async def found(url: str) -> tuple[bool, str]:
        return False, f"{url} leads elsewhere"

    monkeypatch.setattr(doctor, "find_bot", found)
    settings = Settings.read(
        _env_file=None,
        sip_bind="127.0.0.1:5070",
        phone_public_url=PUBLIC,
        twilio_auth_token=TOKEN,
        twilio_account_sid=ACCOUNT,
        phone_bind="127.0.0.1:0",
        phone_allow="*",
    )
    result = await check_telephone(settings)
    assert result.good is False
    assert "phone calls come directly, to 127.0.0.1:5070" in result.text
    assert f"{PUBLIC} leads elsewhere" in result.text


@pytest.mark.usefixtures("clean_environment")
@pytest.mark.parametrize("leads_here", [True, False])
async def test_a_port_that_is_taken_is_reported_unless_it_is_taken_by_the_bot(
    monkeypatch: pytest.MonkeyPatch, leads_here: bool
) -> None:
    async def found(url: str) -> tuple[bool | None, str]:
        return leads_here or None, f"{url} was asked"

    monkeypatch.setattr(doctor, "find_bot", found)
    with socket.create_server(("127.0.0.1", 0)) as other:
        bind = f"127.0.0.1:{other.getsockname()[1]}"
        settings = Settings.read(
            _env_file=None,
            phone_public_url=PUBLIC,
            phone_bind=bind,
            phone_allow="*",
            twilio_auth_token=TOKEN,
            twilio_account_sid=ACCOUNT,
        )
        result = await check_telephone(settings)
    assert result.good is (True if leads_here else None)
    assert (f"The port of {bind} is taken" in result.text) is not leads_here
