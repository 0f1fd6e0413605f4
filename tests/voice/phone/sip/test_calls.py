"""Tests of phone calls over SIP, message by message."""

from __future__ import annotations

import asyncio

import pytest

from bot.voice.phone.answering import Admission, PhoneStartError, Refusal
from bot.voice.phone.line import LineEnd
from bot.voice.phone.sip.endpoint import SipEndpoint, SipOptions
from bot.voice.phone.sip.open_calls import MAX_CALLS, MAX_UNCONFIRMED
from tests.free_ports import free_ports
from tests.voice.phone.sip.telephone import FRAME, HOST, SLOW, Answering, description, exchange, until


async def test_a_phone_call_is_answered_and_ended_by_the_caller() -> None:
    async with exchange() as here:
        phone = await here.phone()
        answer = await phone.call()
        assert answer.status == 200 and answer["Content-Type"] == "application/sdp"
        assert "m=audio" in answer.body and "PCMA/8000" in answer.body and "a=ptime:20" in answer.body
        line, ear = await here.answering.line()
        assert (line.kind, line.number, line.law) == ("sip", "+4930123456", "alaw")
        assert here.answering.asked == ["+4930123456"]
        assert (await phone.ask("BYE")).status == 200
        await until(lambda: ear.ends == [LineEnd.CALLER])
        await until(lambda: here.endpoint.calls == 0)


async def test_callers_are_told_the_address_at_which_the_bot_is_reached_from_outside() -> None:
    async with exchange(external="192.0.2.7") as here:
        phone = await here.phone()
        answer = await phone.call()
        assert answer["Contact"] == f"<sip:192.0.2.7:{here.endpoint.port}>"
        assert "c=IN IP4 192.0.2.7\r\n" in answer.body
        assert HOST not in answer.body
        line, _ = await here.answering.line()
        hanging_up = asyncio.create_task(line.hang_up())
        bye = await phone.request("BYE")
        assert f"192.0.2.7:{here.endpoint.port}" in bye["Via"]
        phone.answer(bye)
        await hanging_up


async def test_hanging_up_sends_a_bye_and_waits_for_its_answer() -> None:
    async with exchange() as here:
        phone = await here.phone()
        await phone.call()
        line, ear = await here.answering.line()
        task = asyncio.create_task(line.hang_up())
        bye = await phone.request("BYE")
        assert bye.first.startswith(f"BYE sip:ada@{HOST}:{phone.signals.port} ")
        assert bye["To"].endswith(f"tag={phone.tag}") and bye["From"].endswith(f"tag={phone.other_tag}")
        phone.answer(bye)
        await task
        await until(lambda: ear.ends == [LineEnd.BOT] and here.endpoint.calls == 0)


async def test_a_bye_that_is_lost_is_sent_again() -> None:
    async with exchange() as here:
        phone = await here.phone()
        await phone.call()
        line, _ = await here.answering.line()
        task = asyncio.create_task(line.hang_up())
        byes = [await phone.request("BYE") for _ in range(3)]
        assert len({bye["CSeq"] for bye in byes}) == len({bye["Via"] for bye in byes}) == 1
        phone.answer(byes[-1])
        await task


async def test_an_answer_that_is_lost_is_sent_again_until_it_is_acknowledged() -> None:
    async with exchange() as here:
        phone = await here.phone()
        phone.send(phone.invite())
        answers = [await phone.status("INVITE") for _ in range(3)]
        assert len({answer["To"] for answer in answers}) == 1
        assert here.answering.lines.empty(), "no conversation before the caller has acknowledged the answer"
        phone.other_tag = answers[0]["To"].partition(";tag=")[2]
        phone.send(phone.ack())
        await here.answering.line()
        phone.send(phone.ack())
        assert (await phone.ask("OPTIONS")).status == 200
        assert here.answering.lines.empty()


async def test_a_phone_call_that_is_never_acknowledged_is_given_up() -> None:
    async with exchange() as here:
        phone = await here.phone()
        phone.send(phone.invite())
        assert (await phone.status("INVITE")).status == 200
        await phone.request("BYE")
        await until(lambda: here.endpoint.calls == 0)
        assert here.answering.lines.empty()
        assert here.answering.refused == [("+4930123456", LineEnd.LOST)]


async def test_a_retransmitted_invite_makes_no_second_phone_call() -> None:
    async with exchange(SLOW) as here:
        phone = await here.phone()
        invite = phone.invite()
        tags = set()
        for _ in range(3):
            phone.send(invite)
            tags.add((await phone.status("INVITE"))["To"].partition(";tag=")[2])
        assert len(tags) == 1 and here.endpoint.calls == 1 and len(here.answering.asked) == 1
        phone.other_tag = tags.pop()
        phone.send(phone.ack())
        await here.answering.line()
        phone.send(invite)  # the network has kept it for a while
        assert (await phone.ask("OPTIONS")).status == 200
        assert here.endpoint.calls == 1 and phone.signals.came.empty()


async def test_a_retransmitted_bye_gets_the_same_answer() -> None:
    async with exchange(SLOW) as here:
        phone = await here.phone()
        await phone.call()
        bye = phone.write("BYE")
        for _ in range(2):
            phone.send(bye)
            assert (await phone.status("BYE")).status == 200
        assert (await phone.ask("BYE")).status == 481


@pytest.mark.parametrize(
    ("admission", "status"), [(Admission.NOT_ALLOWED, 403), (Admission.NOT_READY, 503)], ids=lambda each: str(each)
)
async def test_a_refused_phone_call_gets_one_response_and_leaves_nothing(admission: Admission, status: int) -> None:
    async with exchange() as here:
        here.answering.admission = admission
        phone = await here.phone()
        invite = phone.invite()
        phone.send(invite)
        refusal = await phone.status("INVITE")
        assert refusal.status == status
        phone.other_tag = refusal["To"].partition(";tag=")[2]
        phone.send(phone.ack())
        phone.other_tag = ""
        phone.send(invite)
        assert (await phone.status("INVITE"))["To"] == refusal["To"]
        assert here.answering.refused == [("+4930123456", admission)], "the refusal is noted once"
        assert here.endpoint.calls == 0
        phone.sequence = 0
        assert (await phone.ask("OPTIONS")).status in (200, 503)
        assert phone.signals.came.empty(), "no refusal is sent without a new request"


async def test_a_second_caller_hears_a_sentence_and_gets_busy() -> None:
    async with exchange() as here:
        here.answering.admission = Admission.BUSY
        phone = await here.phone()
        phone.send(phone.invite())
        early = await phone.status(final=False)
        assert early.status == 183 and early.sound_port
        phone.talk(early.sound_port, 5)
        phone.other_tag = early["To"].partition(";tag=")[2]
        line, ear = await here.answering.line()
        assert here.answering.busy == [True], "this caller only hears that the bot is busy"
        line.send(b"\x11" * FRAME)
        while (await phone.hears())[4] != b"\x11" * FRAME:
            pass
        await line.hang_up()
        busy = [await phone.status("INVITE") for _ in range(2)]
        assert {each.status for each in busy} == {486}, "it is sent until it is acknowledged"
        phone.send(phone.ack())
        await until(lambda: here.endpoint.calls == 0)
        assert ear.ends == [LineEnd.BOT]


async def test_a_caller_can_cancel_while_the_sentence_is_spoken() -> None:
    async with exchange() as here:
        here.answering.admission = Admission.BUSY
        phone = await here.phone()
        phone.send(phone.write("INVITE", body=phone.invite().partition("\r\n\r\n")[2], branch="z9hG4bKcancelled"))
        early = await phone.status(final=False)
        assert early.status == 183
        phone.talk(early.sound_port)
        _, ear = await here.answering.line()
        phone.send(phone.write("CANCEL", branch="z9hG4bKcancelled", sequence=phone.sequence))
        statuses = {(await phone.status("CANCEL")).status, (await phone.status("INVITE")).status}
        assert statuses == {200, 487}
        phone.send(phone.write("ACK", branch="z9hG4bKcancelled", sequence=phone.sequence))
        assert ear.ends == [LineEnd.CALLER]


async def test_signs_of_life_and_questions_within_a_phone_call_are_answered() -> None:
    async with exchange() as here:
        phone = await here.phone()
        await phone.call()
        await here.answering.line()
        assert (await phone.ask("UPDATE")).status == 200
        assert "INVITE" in (await phone.ask("OPTIONS"))["Allow"]
        for method in ("PRACK", "REFER"):
            refused = await phone.ask(method)
            assert refused.status == 405 and "INVITE" in refused["Allow"] and method not in refused["Allow"]
        assert (await phone.ask("UPDATE", body=phone.invite(more="a=sendonly").partition("\r\n\r\n")[2])).status == 200


async def test_an_old_request_is_not_done_again() -> None:
    async with exchange() as here:
        phone = await here.phone()
        await phone.call()
        _, ear = await here.answering.line()
        phone.send(phone.write("BYE", sequence=phone.sequence))
        assert (await phone.status("BYE")).status == 500
        assert ear.ends == []


async def test_nobody_else_can_end_or_change_a_phone_call() -> None:
    async with exchange() as here:
        phone, stranger = await here.phone(), await here.phone()
        await phone.call()
        _, ear = await here.answering.line()
        stranger.call_id, stranger.tag, stranger.sequence = phone.call_id, phone.tag, 50
        stranger.other_tag = "guessed"
        for method in ("BYE", "UPDATE", "INVITE", "CANCEL"):
            assert (await stranger.ask(method)).status == 481
        stranger.other_tag = ""
        assert (await stranger.ask("INVITE")).status == 482, "the same phone call by another way"
        assert ear.ends == []


async def test_digits_by_message_count_if_the_phone_sends_none_over_rtp() -> None:
    async with exchange() as here:
        phone = await here.phone()
        await phone.call(formats="8")
        _, ear = await here.answering.line()
        kind = "Content-Type: application/dtmf-relay\r\n"
        assert (await phone.ask("INFO", body="Signal=5\r\nDuration=160\r\n", headers=kind)).status == 200
        assert (await phone.ask("INFO", body="#", headers="Content-Type: application/dtmf\r\n")).status == 200
        assert (await phone.ask("INFO", body="Signal=hello\r\n", headers=kind)).status == 200
        assert ear.digits == "5#"


async def test_requests_of_the_bot_keep_the_route_and_its_order() -> None:
    async with exchange() as here:
        phone = await here.phone()
        routes = "Record-Route: <sip:127.0.0.1;lr;n=1>\r\nRecord-Route: <sip:127.0.0.2;lr;n=2>\r\n"
        answer = await phone.call(headers=routes)
        assert [value[-3:-1] for value in answer.all("Record-Route")] == ["=1", "=2"]
        line, _ = await here.answering.line()
        task = asyncio.create_task(line.hang_up())
        bye = await phone.request("BYE")
        assert [value[-3:-1] for value in bye.all("Route")] == ["=1", "=2"]
        phone.answer(bye)
        await task


@pytest.mark.parametrize("required", ["100rel", "timer, 100rel"])
async def test_a_required_extension_is_refused_by_its_name(required: str) -> None:
    async with exchange() as here:
        phone = await here.phone()
        phone.send(phone.invite(headers=f"Require: {required}\r\n"))
        refused = await phone.status("INVITE")
        assert (refused.status, refused["Unsupported"]) == (420, required)
        assert here.answering.asked == []
        assert here.answering.refused == [("+4930123456", Refusal.EXTENSION)]
        answer = await phone.call(headers="Supported: 100rel\r\n")
        assert answer.status == 200 and "PRACK" not in answer["Allow"] and "100rel" not in str(answer.headers)
        _, ear = await here.answering.line()
        refused = await phone.ask("UPDATE", headers=f"Require: {required}\r\n")
        assert (refused.status, refused["Unsupported"]) == (420, required)
        assert ear.ends == []


async def test_more_phone_calls_than_fit_are_refused() -> None:
    async with exchange(SLOW) as here:
        phones = [await here.phone() for _ in range(MAX_CALLS + 1)]
        for phone in phones[:MAX_CALLS]:
            assert (await phone.call()).status == 200
        phones[-1].send(phones[-1].invite())
        assert (await phones[-1].status("INVITE")).status == 503
        assert here.answering.refused == [("+4930123456", Refusal.TOO_MANY)]


async def test_callers_who_acknowledge_nothing_do_not_keep_others_out() -> None:
    async with exchange(SLOW) as here:
        silent = [await here.phone("127.0.0.2") for _ in range(2 * MAX_UNCONFIRMED)]
        for phone in silent:
            phone.send(phone.invite())
            assert (await phone.status("INVITE")).status == 200
        honest = await here.phone()
        honest.send(honest.invite())
        answer = await honest.status("INVITE")
        for phone in [await here.phone("127.0.0.2") for _ in range(2 * MAX_UNCONFIRMED)]:
            phone.send(phone.invite())
            await phone.status("INVITE")
        honest.other_tag = answer["To"].partition(";tag=")[2]
        honest.send(honest.ack())
        line, _ = await here.answering.line()
        assert line.source == HOST
        assert here.endpoint.calls <= MAX_UNCONFIRMED + 1


async def test_callers_who_send_no_sound_do_not_keep_others_out() -> None:
    async with exchange(SLOW) as here:
        # Their sound would come from a private address, so it is awaited.
        body = description(4_000, host="10.0.0.9")
        for phone in [await here.phone("127.0.0.2") for _ in range(MAX_CALLS)]:
            assert (await phone.call(body=body)).status == 200
        assert here.answering.lines.empty()
        honest = await here.phone()
        assert (await honest.call()).status == 200
        line, _ = await here.answering.line()
        assert line.source == HOST


async def test_the_end_of_the_bot_ends_phone_calls() -> None:
    async with exchange() as here:
        phone = await here.phone()
        await phone.call()
        _, ear = await here.answering.line()
        task = asyncio.create_task(here.endpoint.close())
        phone.answer(await phone.request("BYE"))
        await task
        assert ear.ends == [LineEnd.BOT]


async def test_an_address_that_is_taken_is_reported() -> None:
    async with exchange() as here:
        second = SipEndpoint(SipOptions((HOST, here.endpoint.port), free_ports()), Answering())
        taken = f"SIP_BIND: can't listen on {HOST}:{here.endpoint.port}: another program listens there already"
        with pytest.raises(PhoneStartError, match=taken):
            await second.start()
