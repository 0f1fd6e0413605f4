"""Where sound may go: to callers who have shown that they are there, and elsewhere only in phone calls of the PBX."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.voice.phone.answering import Admission
from bot.voice.phone.line import LineEnd
from bot.voice.phone.sip.line import CREDIT
from bot.voice.phone.sip.negotiation import NoAgreementError, read_media
from bot.voice.phone.sip.sound_rules import SoundRules
from bot.voice.phone.sip.timers import SipTimers
from tests.voice.phone.sip.telephone import FRAME, HOST, QUICK, Shifted, description, exchange, until

ELSEWHERE = "8.8.8.8"
"""The address of somebody else. No test sends anything there."""
ZEROS = "0.0.0.0"  # noqa: S104  # nothing is bound here
CALLER = "203.0.113.5"


async def test_nobody_is_spoken_to_before_the_phone_call_is_answered_unless_their_sound_comes() -> None:
    """The INVITE may be forged: then its address is that of a victim, who sends nothing."""
    async with exchange(replace(QUICK, early=0.2)) as here:
        here.answering.admission = Admission.BUSY
        phone = await here.phone()
        phone.send(phone.invite())
        early = await phone.status(final=False)
        assert early.status == 183
        phone.other_tag = early["To"].partition(";tag=")[2]
        assert (await phone.status("INVITE")).status == 486
        phone.send(phone.ack())
        await until(lambda: here.endpoint.calls == 0)
        assert phone.sound.came.empty() and phone.reports.came.empty()
        assert here.answering.refused == [("+4930123456", Admission.BUSY)]
        assert here.answering.busy == []


async def test_hardly_more_is_sent_than_has_come_before_a_phone_call_is_answered() -> None:
    async with exchange() as here:
        here.answering.admission = Admission.BUSY
        phone = await here.phone()
        phone.send(phone.invite())
        early = await phone.status(final=False)
        phone.other_tag = early["To"].partition(";tag=")[2]
        phone.talk(early.sound_port, 3)
        line, ear = await here.answering.line()
        await until(lambda: len(ear.sounds) == 3 or phone.sound.came.qsize() == 6)
        for _ in range(50):
            line.send(b"\x11" * FRAME)
        assert (await phone.ask("OPTIONS")).status == 200
        assert phone.sound.came.qsize() == 3 * CREDIT
        phone.talk(early.sound_port, 2)
        await until(lambda: phone.sound.came.qsize() == 5 * CREDIT)


async def test_the_sentence_for_busy_lines_is_spoken_to_few_callers_and_only_to_their_own_hosts() -> None:
    async with exchange(SipTimers(t1=5.0, closing=0.1)) as here:
        here.answering.admission = Admission.BUSY
        elsewhere = await here.phone()
        elsewhere.send(elsewhere.invite(body=elsewhere.invite().partition("\r\n\r\n")[2].replace(HOST, "192.0.2.7")))
        assert (await elsewhere.status(final=False)).status == 486
        statuses = []
        for _ in range(3):
            phone = await here.phone()
            phone.send(phone.invite())
            statuses.append((await phone.status(final=False)).status)
        assert statuses == [183, 183, 486]


@pytest.mark.parametrize(
    ("host", "caller", "trusted"),
    [
        ("127.0.0.1", CALLER, False),
        ("127.9.9.9", "192.168.1.7", True),
        ("::1", "2001:db8::5", True),
        ("::ffff:127.0.0.1", CALLER, True),
        (ZEROS, CALLER, True),
        ("::", CALLER, False),
        (ELSEWHERE, CALLER, False),
        ("2606:4700::1", "2001:db8::5", False),
        (ELSEWHERE, "127.0.0.1", False),
        ("224.0.0.1", CALLER, True),
        ("ff02::1", CALLER, True),
        ("::ffff:224.0.0.1", CALLER, True),
        ("255.255.255.255", CALLER, True),
        ("240.0.0.1", CALLER, True),
        ("0.1.2.3", CALLER, True),
    ],
)
def test_sound_to_addresses_of_others_or_of_many_is_refused(host: str, caller: str, trusted: bool) -> None:
    with pytest.raises(NoAgreementError):
        SoundRules(caller, trusted).check(read_media(description(4000, host=host)))


@pytest.mark.parametrize(
    ("host", "caller", "trusted", "sent"),
    [
        (CALLER, CALLER, False, True),
        (CALLER, f"::ffff:{CALLER}", False, True),
        ("fe80::1", "fe80::1%eth0", False, True),
        ("192.168.1.7", "192.168.1.7", False, True),
        ("127.0.0.1", "127.0.0.1", False, True),
        ("192.168.1.7", "192.168.1.1", True, True),
        (ELSEWHERE, CALLER, True, True),
        # A phone behind a router. Nothing is sent to the address that it names.
        ("192.168.1.7", CALLER, False, False),
        ("10.0.0.7", "192.168.1.7", False, False),
        ("100.64.0.1", CALLER, False, False),
        ("169.254.169.254", CALLER, False, False),
    ],
)
def test_sound_goes_to_some_addresses_and_is_only_awaited_from_others(
    host: str, caller: str, trusted: bool, sent: bool
) -> None:
    rules, media = SoundRules(caller, trusted), read_media(description(4000, host=host))
    rules.check(media)
    assert rules.may_send(media) is sent
    assert rules.may_come(media, caller)
    assert rules.may_come(media, host) is sent
    assert not rules.may_come(media, "198.51.100.1")


def test_only_a_phone_call_that_is_on_is_held_by_an_address_of_zeros() -> None:
    media = read_media(description(4000, host=ZEROS))
    SoundRules(CALLER).check(media, again=True)
    assert not media.wants_sound and not SoundRules(CALLER).may_send(media)


@pytest.mark.parametrize("host", [ELSEWHERE, ZEROS, "224.0.0.1"])
async def test_a_phone_call_whose_sound_is_to_go_to_somebody_else_is_refused(host: str) -> None:
    async with exchange() as here:
        phone = await here.phone()
        phone.send(phone.invite(body=description(4000, host=host)))
        assert (await phone.status("INVITE")).status == 488
        assert here.endpoint.calls == 0


async def test_a_phone_call_that_is_on_can_not_be_turned_to_somebody_else() -> None:
    async with exchange() as here:
        phone = await here.phone()
        answer = await phone.call()
        line, ear = await here.answering.line()
        for host in (ELSEWHERE, "224.0.0.1"):
            phone.send(phone.invite(body=description(4000, host=host)))
            assert (await phone.status("INVITE")).status == 488
            phone.send(phone.ack())
            assert (await phone.ask("UPDATE", body=description(4000, host=host))).status == 488
        phone.talk(answer.sound_port)
        await until(lambda: len(ear.sounds) == 1)
        line.send(b"\x12" * FRAME)
        while (await phone.hears())[4] != b"\x12" * FRAME:
            pass


async def test_an_answer_to_the_bots_own_offer_that_names_somebody_else_ends_the_phone_call() -> None:
    async with exchange() as here:
        phone = await here.phone()
        phone.send(phone.write("INVITE"))
        phone.other_tag = (await phone.status("INVITE"))["To"].partition(";tag=")[2]
        phone.send(phone.ack(description(4000, host=ELSEWHERE)))
        phone.answer(await phone.request("BYE"))
        await until(lambda: here.endpoint.calls == 0)
        assert here.answering.lines.empty()


async def test_a_private_address_gets_nothing_and_the_conversation_begins_where_sound_comes_from() -> None:
    async with exchange() as here:
        phone, victim = await here.phone(), await here.phone("127.0.0.2")
        answer = await phone.call(body=description(victim.sound.port, host="127.0.0.2"))
        victim.talk(answer.sound_port, 3)
        for _ in range(10):
            assert (await phone.ask("OPTIONS")).status == 200
        assert here.answering.lines.empty(), "nobody would hear the greeting"
        phone.talk(answer.sound_port)
        line, _ = await here.answering.line()
        line.send(b"\x12" * FRAME)
        while (await phone.hears())[4] != b"\x12" * FRAME:
            pass
        phone.send(phone.invite(body=description(victim.reports.port, host="127.0.0.2")))
        assert (await phone.status("INVITE")).status == 200
        phone.send(phone.ack())
        for _ in range(10):
            line.send(b"\x13" * FRAME)
        assert (await phone.ask("OPTIONS")).status == 200
        phone.talk(answer.sound_port)
        await phone.hears()
        assert victim.sound.came.empty() and victim.reports.came.empty()


async def test_a_caller_from_whom_nothing_comes_is_given_up_and_logged() -> None:
    clock = Shifted()
    async with exchange(clock=clock) as here:
        phone = await here.phone()
        await phone.call(body=description(4000, host="192.0.2.77"))
        assert (await phone.ask("OPTIONS")).status == 200, "the phone call is on"
        clock.ahead += QUICK.silence
        phone.answer(await phone.request("BYE"))
        await until(lambda: here.endpoint.calls == 0)
        assert here.answering.refused == [("+4930123456", LineEnd.SILENT)]
        assert here.answering.lines.empty()
