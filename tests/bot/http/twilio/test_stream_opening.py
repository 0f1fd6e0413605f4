"""Who may open a stream of Twilio: whoever sends a token of an expected phone call soon, and nobody else."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

import bot.http.twilio.media_socket as media_socket
import bot.http.twilio.webhooks as webhooks
from bot.http.twilio.expected import MAX_EXPECTED, TOKEN_SECONDS, ExpectedCalls
from bot.http.twilio.pending import MAX_PENDING
from bot.voice.phone.line import LineEnd
from sandbox.twilio.account import CALLER, new_id
from sandbox.twilio.stream import MediaStream
from tests.bot.http.twilio.stage import TwilioStage, closed, twilio_stage
from tests.timing import Clock, wait_until


def start_of(stage: TwilioStage, call: str, token: str, **fields: Any) -> str:
    start = {"streamSid": "MZ1", "callSid": call, "customParameters": {"token": token}, **fields}
    return json.dumps({"event": "start", "streamSid": "MZ1", "start": start})


@pytest.mark.parametrize("token", ["", "wrong", "A" * 43, "ä", "\ud800"])
async def test_without_the_token_nothing_is_answered(stage: TwilioStage, token: str) -> None:
    call, _ = await stage.announce()
    socket = await stage.socket()
    await socket.send_str(start_of(stage, call, token))
    assert await closed(socket) == aiohttp.WSCloseCode.POLICY_VIOLATION
    assert stage.answering.lines == []


async def test_a_token_is_for_its_own_phone_call(stage: TwilioStage) -> None:
    _, first = await stage.announce()
    other, _ = await stage.announce()
    socket = await stage.socket()
    await socket.send_str(start_of(stage, other, first.parameters["token"]))
    assert await closed(socket) == aiohttp.WSCloseCode.POLICY_VIOLATION
    assert stage.answering.lines == []


async def test_a_token_opens_one_stream(stage: TwilioStage) -> None:
    call, instruction = await stage.announce()
    first = await MediaStream.open(stage.account, call, instruction)
    stage.streams.append(first)
    await wait_until(lambda: stage.answering.lines)
    again = await stage.socket()
    await again.send_str(start_of(stage, call, instruction.parameters["token"]))
    assert await closed(again) == aiohttp.WSCloseCode.POLICY_VIOLATION
    assert len(stage.answering.lines) == 1
    assert not first.closed


async def test_a_stream_of_another_account_or_another_form_of_sound_is_refused(stage: TwilioStage) -> None:
    for fields in ({"accountSid": new_id("AC")}, {"mediaFormat": {"encoding": "audio/x-l16", "sampleRate": 16000}}):
        call, instruction = await stage.announce()
        socket = await stage.socket()
        await socket.send_str(start_of(stage, call, instruction.parameters["token"], **fields))
        assert await closed(socket) == aiohttp.WSCloseCode.POLICY_VIOLATION
    assert stage.answering.lines == []


async def test_a_token_is_worth_nothing_after_a_while() -> None:
    clock = Clock()
    async with twilio_stage(clock=clock) as stage:
        call, instruction = await stage.announce()
        clock.pass_by(TOKEN_SECONDS + 1)
        await stage.announce()
        stream = await MediaStream.open(stage.account, call, instruction)
        stage.streams.append(stream)
        await stream.until(lambda: stream.closed)
        assert stage.answering.lines == []


async def test_a_phone_call_of_which_nothing_more_comes_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "LOOK_SECONDS", 0.01)
    clock = Clock()
    async with twilio_stage(clock=clock) as stage:
        call, instruction = await stage.announce()
        await stage.call()
        clock.pass_by(TOKEN_SECONDS + 1)
        await stage.announce()
        await wait_until(lambda: stage.answering.refusals)
        # Neither its late stream nor the late report of its end is logged as another refusal.
        stream = await MediaStream.open(stage.account, call, instruction)
        stage.streams.append(stream)
        await stream.until(lambda: stream.closed)
        await stage.account.tell_status(call, "completed")
        assert stage.answering.refusals == [("twilio", CALLER, LineEnd.LOST)]


async def test_while_no_phone_call_is_expected_no_socket_is_opened() -> None:
    clock = Clock()
    async with twilio_stage(clock=clock) as stage:

        async def refused() -> bool:
            try:
                await stage.idle_sockets(1)
            except aiohttp.WSServerHandshakeError as error:
                return error.status == 403
            return False

        assert await refused()
        stream = await stage.call()
        assert await refused(), "the token of this phone call is used up"
        call, _ = await stage.announce()
        assert not await refused()
        await stage.account.tell_status(call, "canceled")
        assert await refused()
        await stage.announce()
        clock.pass_by(TOKEN_SECONDS + 1)
        assert await refused()
        assert not stream.closed


async def test_sockets_that_say_nothing_keep_no_phone_call_out(stage: TwilioStage) -> None:
    call, instruction = await stage.announce()
    idle = await stage.idle_sockets(MAX_PENDING + 5)
    stream = await MediaStream.open(stage.account, call, instruction)
    stage.streams.append(stream)
    await wait_until(lambda: stage.answering.lines)
    await asyncio.gather(*(closed(each) for each in idle[:5]))
    await stage.announce()
    await stage.idle_sockets(2 * MAX_PENDING)
    assert not stream.closed, "a stream that has begun has its place"
    assert stage.answering.ears[0].ends == []


def test_only_some_tokens_are_kept() -> None:
    expected = ExpectedCalls(Clock())
    tokens = [expected.expect(f"CA{number}", "") for number in range(MAX_EXPECTED + 5)]
    valid = [expected.take(token, f"CA{number}") is not None for number, token in enumerate(tokens)]
    assert valid == [False] * 5 + [True] * MAX_EXPECTED


async def test_the_start_has_to_come_soon(stage: TwilioStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_socket, "START_LIMIT", 0.05)
    socket = await stage.socket()
    assert await closed(socket) == aiohttp.WSCloseCode.POLICY_VIOLATION


async def test_a_stream_that_begins_with_anything_else_is_refused(stage: TwilioStage) -> None:
    media = json.dumps({"event": "media", "streamSid": "MZ1", "media": {"payload": "AAAA"}})
    for texts in (["{"], [media] * 6, ['{"event": "connected"}'] * 6, ["[]"]):
        socket = await stage.socket()
        for text in texts:
            await socket.send_str(text)
        assert await closed(socket) == aiohttp.WSCloseCode.POLICY_VIOLATION
    binary = await stage.socket()
    await binary.send_bytes(b"\x00" * 100)
    assert await closed(binary) == aiohttp.WSCloseCode.POLICY_VIOLATION
    assert stage.answering.lines == []
