"""Tests of the doctor's check of the telephone: the account at a PBX, the address, and who may call."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from bot.doctor.telephone import check_telephone
from bot.voice.phone.sip import account_check
from bot.voice.phone.sip.timers import SipTimers
from config.settings import Settings
from tests.voice.phone.sip.telephone import HOST
from tests.voice.phone.sip.test_registration import assert_digest, registrar


def settings(**given: Any) -> Settings:
    return Settings.read(_env_file=None, **{"phone_allow": "*", **given})


@pytest.mark.usefixtures("clean_environment")
async def test_the_password_is_tried_and_nothing_is_registered() -> None:
    async with registrar() as pbx:
        wanted = settings(sip_registrar=pbx.account.registrar, sip_user="610", sip_password="secret")
        checking = asyncio.create_task(check_telephone(wanted))
        pbx.challenge(await pbx.request())
        request = await pbx.request()
        assert_digest(request, nonce="n1", count="00000001")
        assert "Contact" not in dict(request.headers), "a REGISTER without Contact only asks who is registered"
        pbx.answer(request, "200 OK")
        result = await checking
        assert result.good and result.text == f"the PBX lets me in, as 610 at {pbx.account.registrar}"


@pytest.mark.usefixtures("clean_environment")
async def test_a_wrong_password_is_reported() -> None:
    async with registrar() as pbx:
        wanted = settings(sip_registrar=pbx.account.registrar, sip_user="610", sip_password="other")
        checking = asyncio.create_task(check_telephone(wanted))
        for _ in range(2):
            pbx.challenge(await pbx.request())
        result = await checking
        assert result.good is False and "SIP_USER or SIP_PASSWORD is wrong" in result.text


@pytest.mark.usefixtures("clean_environment")
async def test_a_pbx_that_does_not_answer_is_reported_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(account_check, "_TIMERS", SipTimers(t1=0.001))
    async with registrar() as pbx:
        wanted = settings(sip_registrar=pbx.account.registrar, sip_user="610", sip_password="secret")
        result = await check_telephone(wanted)
        assert result.good is False
        assert result.text == f"the PBX can't be asked: {pbx.account.registrar} does not answer"
    assert caplog.messages == [], "the result says it, and so the log does not"


@pytest.mark.usefixtures("clean_environment")
async def test_an_empty_list_of_allowed_callers_is_reported() -> None:
    result = await check_telephone(settings(sip_bind=f"{HOST}:0", phone_allow=""))
    assert result.good is None
    assert result.text.startswith("nobody may call, because PHONE_ALLOW is empty; ")


@pytest.mark.usefixtures("clean_environment")
async def test_a_bot_that_listens_only_on_loopback_is_reported_as_out_of_reach() -> None:
    result = await check_telephone(settings(sip_registrar="192.0.2.1", sip_user="610", sip_password="secret"))
    assert result.good is False and "set SIP_BIND=0.0.0.0:5060" in result.text


@pytest.mark.usefixtures("clean_environment")
async def test_without_a_pbx_only_the_bots_own_address_is_checked() -> None:
    assert (await check_telephone(settings())).good is None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind((HOST, 0))
        bind = f"{HOST}:{found.getsockname()[1]}"
        # The doctor can't know whether the bot itself is there.
        taken = await check_telephone(settings(sip_bind=bind))
        assert taken.good is None and f"The port of {bind} is taken: by me, if I run now" in taken.text
    direct = await check_telephone(settings(sip_bind=bind))
    assert direct.good and direct.text == f"phone calls come directly, to {bind}"


@pytest.mark.usefixtures("clean_environment")
async def test_an_address_of_another_machine_is_reported() -> None:
    result = await check_telephone(settings(sip_bind="192.0.2.1:5060"))
    assert result.good is False and result.text.startswith("SIP_BIND: can't listen on 192.0.2.1:5060: ")
