"""The webhooks of Twilio: what is signed is answered, each phone call once. Everything else is refused."""

from __future__ import annotations

import asyncio
import socket
from urllib.parse import urlencode

import pytest

from bot.binding import WebBindError
from bot.http.twilio.expected import MAX_EXPECTED, TOKEN_SECONDS
from bot.http.twilio.server import MAX_CONNECTIONS, TwilioServer, twilio_server
from bot.http.twilio.webhooks import CALLS_PER_MINUTE, caller_number
from bot.voice.phone.answering import Admission, PhoneWay, Refusal
from bot.voice.phone.line import LineEnd
from config.phone_sections import PhoneSettings, TwilioSettings
from sandbox.twilio.account import CALLER, STATUS, VOICE, new_id
from sandbox.twilio.stream import MediaStream
from tests.bot.http.twilio.stage import Answering, TwilioStage, twilio_stage
from tests.timing import LIMIT, Clock, wait_until

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def test_a_signed_phone_call_is_connected_to_a_stream_with_a_token(stage: TwilioStage) -> None:
    _, instruction = await stage.announce()
    assert (instruction.status, instruction.verb) == (200, "Connect")
    assert instruction.stream == "wss://phone.example/phone/twilio/media"
    assert len(instruction.parameters["token"]) >= 40
    assert stage.answering.decided == [CALLER]


async def test_each_phone_call_has_a_token_of_its_own(stage: TwilioStage) -> None:
    tokens = {(await stage.announce())[1].parameters["token"] for _ in range(5)}
    assert len(tokens) == 5


async def test_a_phone_call_is_announced_once(stage: TwilioStage) -> None:
    call, _ = await stage.announce()
    again = await stage.account.announce(call)
    assert again.status == 403
    assert "announced already" in again.text
    assert stage.answering.decided == [CALLER]


@pytest.mark.parametrize("signature", ["", "x", "A" * 28, "A" * 27 + "=", "Ä" * 28, "A" * 10_000])
async def test_a_wrong_signature_is_refused(stage: TwilioStage, signature: str) -> None:
    for path in (VOICE, STATUS):
        if not signature.isascii():
            headers = {**FORM, "X-Twilio-Signature": signature}
            status, _ = await stage.raw("POST", path, data=urlencode({"CallSid": new_id("CA")}), headers=headers)
        else:
            status = (await stage.account.post(path, stage.account.announcement(new_id("CA")), signature)).status
        assert status in (400, 403)
    assert stage.answering.decided == []


async def test_a_request_without_a_signature_or_with_two_is_refused(stage: TwilioStage) -> None:
    form = stage.account.announcement(new_id("CA"))
    right = stage.account.signature(VOICE, form)
    assert (await stage.raw("POST", VOICE, data=form))[0] == 403
    twice = [("X-Twilio-Signature", right), ("X-Twilio-Signature", right)]
    assert (await stage.raw("POST", VOICE, data=form, headers=twice))[0] == 403
    assert stage.answering.decided == []


@pytest.mark.parametrize("changed", ["From", "To", "CallSid", "AccountSid", "Direction", "New"])
async def test_a_signature_counts_for_its_form_alone(stage: TwilioStage, changed: str) -> None:
    form = stage.account.announcement(new_id("CA"))
    signature = stage.account.signature(VOICE, form)
    answer = await stage.account.post(VOICE, {**form, changed: "+491701234567"}, signature)
    assert answer.status == 403
    assert stage.answering.decided == []


async def test_a_signature_counts_for_its_address_alone(stage: TwilioStage) -> None:
    form = stage.account.announcement(new_id("CA"))
    for path in (STATUS, f"{VOICE}?a=b", f"{VOICE}/", ""):
        answer = await stage.account.post(VOICE, form, stage.account.signature(path, form))
        assert answer.status == 403
    answer = await stage.account.post(f"{VOICE}?a=b", form)
    assert answer.verb == "Connect"


async def test_the_host_header_changes_nothing(stage: TwilioStage) -> None:
    """A signature counts for the address of the settings alone, so nobody can sign for a name of their own choice."""
    form = stage.account.announcement(new_id("CA"))
    right = stage.account.signature(VOICE, form)
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"}
    status, text = await stage.raw("POST", VOICE, data=form, headers={**headers, "X-Twilio-Signature": right})
    assert status == 200
    assert 'url="wss://phone.example/' in text


async def test_the_path_and_the_port_of_the_public_address_are_signed_and_are_in_the_answer() -> None:
    async with twilio_stage(public_url="https://house.example:8443/bot/") as stage:
        form = stage.account.announcement(new_id("CA"))
        stage.account.public_url = "https://house.example:8443/bot"
        answer = await stage.account.post(VOICE, form)
        assert answer.stream == "wss://house.example:8443/bot/phone/twilio/media"


async def test_another_account_and_calls_that_go_out_are_refused(stage: TwilioStage) -> None:
    form = stage.account.announcement(new_id("CA"))
    assert (await stage.account.post(VOICE, {**form, "AccountSid": new_id("AC")})).status == 403
    assert (await stage.account.post(VOICE, {**form, "Direction": "outbound-api"})).status == 403
    assert (await stage.account.post(VOICE, form)).verb == "Connect"


@pytest.mark.parametrize(("admission", "reason"), [(Admission.NOT_ALLOWED, "rejected"), (Admission.NOT_READY, "busy")])
async def test_a_refused_caller_is_rejected_without_being_answered(
    stage: TwilioStage, admission: Admission, reason: str
) -> None:
    stage.answering.admission = admission
    _, instruction = await stage.announce()
    assert (instruction.status, instruction.verb, instruction.reason) == (200, "Reject", reason)
    assert stage.answering.refusals == [("twilio", CALLER, admission)]


async def test_a_second_caller_is_connected_to_hear_a_sentence(stage: TwilioStage) -> None:
    stage.answering.admission = Admission.BUSY
    _, instruction = await stage.announce()
    assert instruction.verb == "Connect"
    assert stage.answering.refusals == []


@pytest.mark.parametrize(
    ("told", "number"),
    [
        ("+4930123456", "+4930123456"),
        ("anonymous", ""),
        ("Anonymous", ""),
        ("+266696687", ""),
        ("+7378742833", ""),
        ("unavailable", ""),
        ("", ""),
        ("sip:ada@pbx.example", "sip:ada@pbx.example"),
        ("+49\n30\x00", "+4930"),
        ("9" * 500, "9" * 100),
    ],
)
def test_a_number_that_is_withheld_is_empty_and_any_other_is_cleaned_and_cut(told: str, number: str) -> None:
    assert caller_number(told) == number


async def test_forms_of_any_other_kind_are_refused_in_words(stage: TwilioStage) -> None:
    signed = {"X-Twilio-Signature": "A" * 28}
    cases = [
        ("{}", {"Content-Type": "application/json"}, 415),
        ("a=b", {"Content-Type": "multipart/form-data; boundary=x"}, 415),
        ("a=b&a=c", FORM, 400),
        ("a=%ff", FORM, 400),
        ("&".join(f"a{number}=b" for number in range(200)), FORM, 400),
        ("", FORM, 403),
        ("a" * 20_000, FORM, 413),
        ("a=b", {**FORM, "Content-Encoding": "gzip"}, 415),
    ]
    for body, headers, expected in cases:
        status, text = await stage.raw("POST", VOICE, data=body, headers={**headers, **signed})
        assert (status, text[:10]) == (expected, '{"error": ')
    assert (await stage.raw("GET", VOICE))[0] == 405
    assert stage.answering.decided == []


async def test_a_signed_form_without_the_id_of_a_phone_call_is_refused(stage: TwilioStage) -> None:
    for sid in ("", "../../etc", "CA" * 50, "CA 1"):
        for path in (VOICE, STATUS):
            answer = await stage.account.post(path, {**stage.account.announcement("CA1"), "CallSid": sid})
            assert answer.status == 400


async def test_there_is_nothing_else_at_this_address(stage: TwilioStage) -> None:
    for path in ("/", "/health", "/login", "/chat", "/v1/realtime", "/ws/chat", "/phone"):
        assert (await stage.raw("GET", path))[0] == 404


async def test_a_flood_of_unsigned_requests_does_not_keep_out_twilio_behind_the_same_proxy(
    stage: TwilioStage,
) -> None:
    proxy = {"X-Forwarded-For": "203.0.113.9"}
    for number in range(2 * CALLS_PER_MINUTE):
        path, signature = (VOICE, STATUS)[number % 2], ({"X-Twilio-Signature": "A" * 28}, {})[number // 2 % 2]
        assert (await stage.raw("POST", path, data={"a": "b"}, headers={**proxy, **signature}))[0] == 403
    form = stage.account.announcement(new_id("CA"))
    signed = {**proxy, "X-Twilio-Signature": stage.account.signature(VOICE, form)}
    status, text = await stage.raw("POST", VOICE, data=form, headers=signed)
    assert status == 200
    assert "<Connect>" in text


async def test_the_number_of_phone_calls_in_a_minute_is_limited_and_replays_do_not_count() -> None:
    clock = Clock()
    async with twilio_stage(clock=clock) as stage:

        async def call_and_hang_up() -> str:
            call, instruction = await stage.announce()
            assert (await stage.account.announce(call)).status == 403, "a replay is refused"
            await stage.account.tell_status(call, "canceled")
            return instruction.verb + instruction.reason

        answers = [await call_and_hang_up() for _ in range(CALLS_PER_MINUTE + 1)]
        assert answers == ["Connect"] * CALLS_PER_MINUTE + ["Rejectbusy"]
        assert stage.answering.refusals[-1] == ("twilio", CALLER, Refusal.TOO_MANY)
        clock.pass_by(60)
        assert await call_and_hang_up() == "Connect"


async def test_a_phone_call_that_ends_before_its_stream_comes_is_logged(stage: TwilioStage) -> None:
    call, _ = await stage.announce()
    await stage.account.tell_status(call, "ringing")
    assert stage.answering.refusals == []
    for _ in range(2):
        await stage.account.tell_status(call, "canceled")
    assert stage.answering.refusals == [("twilio", CALLER, LineEnd.CALLER)]


async def test_nobody_who_was_let_in_loses_their_token_to_another_caller() -> None:
    clock = Clock()
    async with twilio_stage(clock=clock) as stage:
        call, first = await stage.announce()
        verbs = [(await stage.announce())[1].verb for _ in range(MAX_EXPECTED)]
        assert verbs == ["Connect"] * (MAX_EXPECTED - 1) + ["Reject"]
        assert stage.answering.refusals == [("twilio", CALLER, Refusal.TOO_MANY)]
        stage.streams.append(await MediaStream.open(stage.account, call, first))
        await wait_until(lambda: stage.answering.lines)
        clock.pass_by(TOKEN_SECONDS + 1)
        assert (await stage.announce())[1].verb == "Connect"


async def test_forms_that_come_slowly_keep_no_form_of_twilio_out(stage: TwilioStage) -> None:
    """Nobody has signed these forms, and they come as slowly as the server allows."""
    port = int(stage.url.rpartition(":")[2])
    head = f"POST {VOICE} HTTP/1.1\r\nHost: a\r\nContent-Type: {FORM['Content-Type']}\r\nContent-Length: 9\r\n"
    slow = []
    try:
        for _ in range(MAX_CONNECTIONS + 10):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            slow.append((reader, writer))
            writer.write(f"{head}X-Twilio-Signature: {'A' * 28}\r\n\r\na".encode())
            await writer.drain()
        assert (await stage.announce())[1].verb == "Connect"
        async with asyncio.timeout(LIMIT):
            assert await slow[0][0].read() == b"", "the oldest one is broken off"
    finally:
        for _, writer in slow:
            writer.close()


async def test_connections_that_ask_nothing_do_not_keep_twilio_out(stage: TwilioStage) -> None:
    port = int(stage.url.rpartition(":")[2])
    idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MAX_CONNECTIONS + 10)]
    try:
        stream = await stage.call()
        async with asyncio.timeout(LIMIT):
            assert await idle[0][0].read() == b"", "the oldest one is broken off"
        idle += [await asyncio.open_connection("127.0.0.1", port) for _ in range(MAX_CONNECTIONS)]
        await stream.press("5")
        await wait_until(lambda: stage.answering.ears[0].digits == "5")
    finally:
        for _, writer in idle:
            writer.close()


async def test_bodies_of_any_form_are_answered(stage: TwilioStage) -> None:
    cases = [bytes([number]) * number for number in range(256)]
    for body in cases:
        status, _ = await stage.raw("POST", STATUS, data=body, headers={**FORM, "X-Twilio-Signature": "A" * 28})
        assert status in (400, 403)


async def test_a_port_that_is_taken_is_an_error_in_words() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        phone = PhoneSettings(bind=f"127.0.0.1:{other.getsockname()[1]}")
        with pytest.raises(WebBindError, match=r"^PHONE_BIND: can't listen on .*: another program listens there"):
            async with twilio_server(phone, TwilioSettings(), Answering()):
                raise AssertionError("two servers have one port")


def test_the_status_names_the_address_and_the_number() -> None:
    server = TwilioServer("https://phone.example", TwilioSettings(phone_number="+15005550006"), Answering())
    assert isinstance(server, PhoneWay)
    assert server.describe() == "Twilio at https://phone.example, +15005550006"
