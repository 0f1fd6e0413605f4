"""Tests of the bot's registration as a telephone at a PBX, which is a bare UDP socket here."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.voice.phone.answering import Admission, Refusal
from bot.voice.phone.sip.messages import Response, read
from bot.voice.phone.sip.registration import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    LONGEST_REFUSED_PAUSE,
    REFUSED_PAUSE,
    Account,
    Registration,
    RegistrationState,
    split_address,
)
from bot.voice.phone.sip.timers import SipTimers
from bot.voice.phone.sip.transactions import OwnRequests
from tests.voice.phone.sip.telephone import (
    HOST,
    PATIENCE,
    Exchange,
    Message,
    Socket,
    digest,
    exchange,
    parse,
    until,
)

REALM = "fritz.box"
PATIENT, HASTY = SipTimers(t1=PATIENCE), SipTimers(t1=0.01, t2=0.05)
"""With ``PATIENT``, no request is sent again, however busy the machine is. With ``HASTY``, waiting for an answer ends
soon.
"""
CHALLENGE = f'Digest realm="{REALM}", nonce="n{{n}}", qop="auth,auth-int", algorithm=MD5, opaque="o"'


class Registrar:
    """A PBX that answers what the test says."""

    def __init__(self, signals: Socket) -> None:
        self.signals = signals
        self.nonces = 0

    @property
    def account(self) -> Account:
        return Account(f"{HOST}:{self.signals.port}", "610", "secret")

    async def request(self) -> Message:
        data, source = await asyncio.wait_for(self.signals.came.get(), PATIENCE)
        return parse(data, source)

    def answer(self, request: Message, status: str, *headers: str) -> None:
        copied = [f"{each}: {request[each]}" for each in ("Via", "From", "To", "Call-ID", "CSeq")]
        text = "\r\n".join([f"SIP/2.0 {status}", *copied, *headers, "Content-Length: 0", "", ""])
        self.signals.send(text.encode(), request.source)

    def challenge(self, request: Message, more: str = "") -> None:
        self.nonces += 1
        self.answer(request, "401 Unauthorized", f"WWW-Authenticate: {CHALLENGE.format(n=self.nonces)}{more}")

    def welcome(self, request: Message, seconds: int = 60) -> None:
        other = f"Contact: <sip:610@192.0.2.9:5060>;expires=5, {request['Contact']};expires={seconds}"
        self.answer(request, "200 OK", other)


@asynccontextmanager
async def registrar() -> AsyncIterator[Registrar]:
    signals = await Socket.open()
    try:
        yield Registrar(signals)
    finally:
        signals.close()


class Sleep:
    """Stands in for :func:`asyncio.sleep`, and notes the seconds. It returns at once, except from call number
    ``times``, which never returns.
    """

    def __init__(self, times: int) -> None:
        self.slept: list[float] = []
        self._times = times

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        if len(self.slept) >= self._times:
            await asyncio.Event().wait()


@asynccontextmanager
async def registered(pbx: Registrar, sleep: Sleep, timers: SipTimers = PATIENT) -> AsyncIterator[Registration]:
    """A registration that runs."""
    signals = await Socket.open()
    requests = OwnRequests(signals.send, timers)

    async def take() -> None:
        while True:
            message = read(*await signals.came.get())
            assert isinstance(message, Response)
            requests.take(message)

    registration = Registration(pbx.account, requests.ask, lambda to: (HOST, signals.port), sleep)
    tasks = [asyncio.create_task(each) for each in (take(), registration.run())]
    try:
        yield registration
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        signals.close()


def fields(request: Message) -> dict[str, str]:
    return {name: value for name, _, value in re.findall(r'(\w+)=("?)([^",]*)\2', request["Authorization"])}


def assert_digest(request: Message, nonce: str, count: str) -> None:
    """The response to the challenge is right for the password, and the challenge's other fields come back."""
    given = fields(request)
    assert (given["nonce"], given["nc"], given["opaque"], given["realm"]) == (nonce, count, "o", REALM)
    uri = request.first.split()[1]
    assert given["uri"] == uri
    expected = digest("610", REALM, "secret", nonce, "REGISTER", uri, count, given["cnonce"])
    assert given["response"] == expected


async def test_the_bot_registers_with_its_password_and_refreshes_in_time() -> None:
    async with registrar() as pbx, registered(pbx, sleep := Sleep(2)) as registration:
        first = await pbx.request()
        assert "Authorization" not in dict(first.headers) and first["Expires"] == "300"
        pbx.challenge(first)
        second = await pbx.request()
        assert_digest(second, "n1", "00000001")
        assert second["Call-ID"] == first["Call-ID"] and int(second["CSeq"].split()[0]) == 2
        pbx.welcome(second)
        third = await pbx.request()
        assert sleep.slept == [45.0], "refreshed after three quarters of its own time, not of another phone's"
        assert_digest(third, "n1", "00000002")
        pbx.challenge(third, ", stale=true")
        fourth = await pbx.request()
        assert_digest(fourth, "n2", "00000001")
        pbx.welcome(fourth)
        await until(lambda: len(sleep.slept) == 2)
        assert registration.state is RegistrationState.REGISTERED
        assert registration.detail == f"as 610 at {pbx.account.registrar}"


async def test_a_wrong_password_is_reported_and_tried_again_with_growing_pauses(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with registrar() as pbx, registered(pbx, sleep := Sleep(8)) as registration:
        for _ in range(8):
            pbx.challenge(await pbx.request())
            pbx.challenge(await pbx.request())
        await until(lambda: len(sleep.slept) == 8)
        assert sleep.slept[:3] == [REFUSED_PAUSE, 2 * REFUSED_PAUSE, 4 * REFUSED_PAUSE]
        assert sleep.slept[-1] == LONGEST_REFUSED_PAUSE
        assert registration.state is RegistrationState.REFUSED
        assert registration.detail == "SIP_USER or SIP_PASSWORD is wrong"
    said = [record.message for record in caplog.records if "telephone" in record.message]
    assert said == ["The telephone is not registered, and was refused: SIP_USER or SIP_PASSWORD is wrong."]


async def test_a_pbx_that_does_not_answer_is_asked_again_with_growing_pauses() -> None:
    async with registrar() as pbx, registered(pbx, sleep := Sleep(10), HASTY) as registration:
        await until(lambda: len(sleep.slept) >= 2)
        assert sleep.slept[:2] == [FIRST_PAUSE, 2 * FIRST_PAUSE]
        assert registration.state is RegistrationState.NO_ANSWER
        assert max(FIRST_PAUSE * 2**n for n in range(7)) < LONGEST_PAUSE
        copies = [pbx.signals.came.get_nowait()[0] for _ in range(3)]
        assert copies[0] == copies[1] == copies[2], "a request that is lost is sent again"


async def test_a_forbidden_bot_says_what_the_pbx_said() -> None:
    async with registrar() as pbx, registered(pbx, Sleep(1)) as registration:
        pbx.answer(await pbx.request(), "403 Not here, please")
        await until(lambda: registration.state is RegistrationState.REFUSED)
        assert registration.detail == "the PBX says 403 Not here, please"


async def test_a_longer_time_is_asked_for_if_the_pbx_wants_it() -> None:
    async with registrar() as pbx, registered(pbx, Sleep(1)) as registration:
        pbx.answer(await pbx.request(), "423 Interval Too Brief", "Min-Expires: 3600")
        again = await pbx.request()
        assert again["Expires"] == "3600"
        pbx.welcome(again, 3600)
        await until(lambda: registration.state is RegistrationState.REGISTERED)


@pytest.mark.parametrize("seconds", [0, 1, 999_999_999])
async def test_a_strange_time_neither_floods_the_pbx_nor_loses_the_registration(seconds: int) -> None:
    async with registrar() as pbx, registered(pbx, sleep := Sleep(1)):
        pbx.welcome(await pbx.request(), seconds)
        await until(lambda: bool(sleep.slept))
        assert 3 <= sleep.slept[0] <= 7200


async def test_the_strongest_password_check_is_chosen_and_an_unknown_one_is_reported() -> None:
    async with registrar() as pbx, registered(pbx, Sleep(1)) as registration:
        request = await pbx.request()
        offers = [
            f"WWW-Authenticate: {CHALLENGE.format(n=kind).replace('MD5', kind)}" for kind in ("MD5", "SHA-256", "X")
        ]
        pbx.answer(request, "401 Unauthorized", *offers)
        chosen = await pbx.request()
        assert fields(chosen)["algorithm"] == "SHA-256"
        pbx.answer(chosen, "407 Proxy Authentication Required", 'Proxy-Authenticate: Basic realm="x"')
        await until(lambda: registration.state is RegistrationState.REFUSED)
        assert "kind of password check" in registration.detail


async def test_answers_of_others_do_not_count() -> None:
    sleep = Sleep(1)
    async with registrar() as pbx, registered(pbx, sleep) as registration:
        request = await pbx.request()
        stranger = await Socket.open("127.0.0.2")
        Registrar(stranger).welcome(request, 5000)
        # This answer comes after the stranger's. If the stranger's counted, this one would no longer change anything.
        pbx.welcome(request, 60)
        await until(lambda: registration.state is RegistrationState.REGISTERED)
        await until(lambda: bool(sleep.slept))
        assert sleep.slept[0] < 60
        stranger.close()


async def register(pbx: Registrar, here: Exchange) -> None:
    pbx.welcome(await pbx.request())
    await until(lambda: here.endpoint.registration[0] is RegistrationState.REGISTERED)


async def test_a_registered_bot_takes_phone_calls_of_its_pbx_alone_and_leaves_when_it_ends() -> None:
    async with registrar() as pbx, exchange(account=pbx.account) as here:
        await register(pbx, here)
        stranger = await here.phone("127.0.0.2")
        stranger.send(stranger.invite())
        assert (await stranger.status("INVITE")).status == 403
        assert here.answering.asked == []
        assert here.answering.refused == [("+4930123456", Refusal.NOT_FROM_PBX)]
        phone = await here.phone()
        await phone.call(headers="P-Asserted-Identity: <tel:+49-30-987>\r\n")
        line, _ = await here.answering.line()
        assert line.number == "+4930987", "the PBX knows better than the phone"
        closing = asyncio.create_task(here.endpoint.close())
        farewell = await pbx.request()
        assert farewell["Expires"] == "0"
        pbx.welcome(farewell, 0)
        await closing


async def test_the_pbx_is_told_the_address_at_which_the_bot_is_reached_from_outside() -> None:
    async with registrar() as pbx, exchange(account=pbx.account, external="192.0.2.7") as here:
        asked = await pbx.request()
        assert asked["Contact"] == f"<sip:610@192.0.2.7:{here.endpoint.port}>"
        pbx.welcome(asked)
        await until(lambda: here.endpoint.registration[0] is RegistrationState.REGISTERED)


async def test_a_caller_over_a_pbx_hears_a_sentence_before_the_answer_without_sending_sound() -> None:
    async with registrar() as pbx, exchange(account=pbx.account) as here:
        await register(pbx, here)
        here.answering.admission = Admission.BUSY
        phone = await here.phone()
        phone.send(phone.invite())
        assert (await phone.status(final=False)).status == 183
        line, _ = await here.answering.line()
        line.send(b"\x11" * 160)
        while (await phone.hears())[4] != b"\x11" * 160:
            pass


@pytest.mark.parametrize(
    ("text", "found"),
    [("fritz.box", ("fritz.box", 5060)), ("10.0.0.1:5062", ("10.0.0.1", 5062)), ("[::1]:5061", ("::1", 5061))],
)
def test_the_address_of_a_pbx_may_have_a_port(text: str, found: tuple[str, int]) -> None:
    assert split_address(text) == found
