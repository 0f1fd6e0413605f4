"""The socket of Media Streams: it carries a phone call both ways, and ends with it."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from contextlib import suppress

import aiohttp
import pytest

import bot.http.twilio.media_socket as media_socket
from bot.voice.phone.answering import Admission
from bot.voice.phone.line import FRAME_BYTES, LineEnd, PhoneLine
from sandbox.twilio.account import CALLER, new_id
from sandbox.twilio.stream import LineQuality, MediaStream
from tests.bot.http.twilio.stage import Answering, TwilioStage, closed, twilio_stage
from tests.timing import wait_until
from tests.voice.phone.ear import Ear

SPEECH = bytes(range(256)) * 20
"""32 pieces of 20 ms. Each differs from those beside it."""


async def test_what_the_caller_says_and_presses_comes_in_order(stage: TwilioStage) -> None:
    stream = await stage.call()
    ear = stage.answering.ears[0]
    stream.say(SPEECH)
    for _ in range(len(SPEECH) // FRAME_BYTES):
        await stream.tick()
    await stream.press("#")
    await wait_until(lambda: ear.digits == "#")
    assert ear.passed == [SPEECH[at : at + FRAME_BYTES] for at in range(0, len(SPEECH), FRAME_BYTES)]
    line = stage.answering.lines[0]
    assert (line.number, line.kind, line.law) == (CALLER, "twilio", "ulaw")


async def test_lost_sound_is_reported_in_its_place_and_late_sound_is_not_lost(stage: TwilioStage) -> None:
    stream = await stage.call(quality=LineQuality(loss=0.2, jitter=4), seed=3)
    ear = stage.answering.ears[0]
    stream.say(SPEECH * 4)
    for _ in range(4 * len(SPEECH) // FRAME_BYTES + 10):
        await stream.tick()
    await stream.hang_up()
    await wait_until(lambda: ear.ends)
    whole = b"".join(each if isinstance(each, bytes) else b"?" * each for each in ear.passed)
    lost = sum(ear.gaps)
    assert lost > 0
    assert len(ear.data) + lost == len(whole)
    for at in range(0, min(len(whole), len(SPEECH) * 4), FRAME_BYTES):
        assert whole[at : at + FRAME_BYTES] in ((SPEECH * 4)[at : at + FRAME_BYTES], b"?" * FRAME_BYTES)


async def test_what_the_caller_hears_is_what_was_sent_and_marks_tell_how_much(stage: TwilioStage) -> None:
    stream = await stage.call()
    line = stage.answering.lines[0]
    frames = [SPEECH[at : at + FRAME_BYTES] for at in range(0, len(SPEECH), FRAME_BYTES)]
    for frame in frames:
        await asyncio.to_thread(line.send, frame)
    await stream.until(lambda: stream.playout.waiting == len(SPEECH))
    assert line.unheard == len(SPEECH)
    for played in range(1, 11):
        await stream.tick()
        assert len(stream.playout.passed) == played
    await wait_until(lambda: line.unheard == len(SPEECH) - 10 * FRAME_BYTES)
    line.clear()
    await stream.until(lambda: stream.playout.waiting == 0)
    assert len(stream.playout.cleared) == len(frames) - 10
    assert line.unheard == 0
    await asyncio.to_thread(line.send, frames[0])
    await stream.until(lambda: stream.playout.waiting == FRAME_BYTES)
    assert line.unheard == FRAME_BYTES
    await stream.tick()
    await wait_until(lambda: line.unheard == 0)
    assert bytes(stream.playout.heard) == SPEECH[: 10 * FRAME_BYTES] + frames[0]


async def test_a_caller_who_hangs_up_ends_the_line(stage: TwilioStage) -> None:
    stream = await stage.call()
    await stream.hang_up()
    await wait_until(lambda: stage.answering.done)
    assert stage.answering.ears[0].ends == [LineEnd.CALLER]


async def test_a_stream_that_is_lost_ends_the_line(stage: TwilioStage) -> None:
    stream = await stage.call()
    await stream.close()
    await wait_until(lambda: stage.answering.done)
    assert stage.answering.ears[0].ends == [LineEnd.LOST]


async def test_the_bot_hangs_up_after_the_caller_has_heard_its_last_words() -> None:
    ear = Ear()

    async def say_goodbye(line: PhoneLine) -> None:
        line.start(ear)
        for _ in range(5):
            line.send(b"\x55" * FRAME_BYTES)
        await line.hang_up()

    async with twilio_stage(Answering(talk=say_goodbye)) as stage:
        stream = await stage.call()
        await stream.until(lambda: stream.playout.waiting == 5 * FRAME_BYTES)
        assert not stream.closed
        for _ in range(5):
            await stream.tick()
        await stream.until(lambda: stream.closed)
        assert stream.socket.close_code == aiohttp.WSCloseCode.OK
        assert stream.playout.spoken == 5 * FRAME_BYTES
        assert ear.ends == [LineEnd.BOT]


async def test_a_service_that_fails_leaves_no_line_behind(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(line: PhoneLine) -> None:
        raise RuntimeError("no engines")

    async with twilio_stage(Answering(talk=fail)) as stage:
        stream = await stage.call()
        await stream.until(lambda: stream.closed)
        await wait_until(lambda: "no engines" in caplog.text)


async def test_a_line_ends_when_twilio_says_that_its_phone_call_is_over(stage: TwilioStage) -> None:
    stream = await stage.call()
    assert (await stage.account.tell_status(stream.call, "in-progress")).status == 204
    assert (await stage.account.tell_status(new_id("CA"), "completed")).status == 204
    assert stage.answering.ears[0].ends == []
    assert (await stage.account.tell_status(stream.call, "completed")).status == 204
    await stream.until(lambda: stream.closed)
    assert stage.answering.ears[0].ends == [LineEnd.CALLER]


async def test_a_phone_call_that_is_over_before_its_stream_opens_is_not_answered(stage: TwilioStage) -> None:
    call, instruction = await stage.announce()
    await stage.account.tell_status(call, "canceled")
    await stage.announce()
    stream = await MediaStream.open(stage.account, call, instruction)
    stage.streams.append(stream)
    await stream.until(lambda: stream.closed)
    assert stage.answering.lines == []


async def test_a_call_goes_on_through_messages_that_are_not_valid(stage: TwilioStage) -> None:
    stream = await stage.call()
    for text in ("{", "[]", '{"event": "media"}', '{"event": "new"}', '{"event": "mark", "streamSid": 5}'):
        await stream.socket.send_str(text)
    await stream.socket.send_bytes(b"\xff" * 100)
    await stream.press("5")
    await wait_until(lambda: stage.answering.ears[0].digits == "5")
    assert not stream.closed


Flood = Callable[[MediaStream, int], str]


@pytest.mark.parametrize(
    "flood",
    [
        lambda stream, number: "{",
        lambda stream, number: json.dumps({"event": "dtmf", "streamSid": stream.id, "dtmf": {"digit": "1"}}),
        lambda stream, number: json.dumps({"event": "new"}),
        lambda stream, number: json.dumps(
            {
                "event": "media",
                "streamSid": stream.id,
                "media": {"payload": base64.b64encode(b"\xff" * 4_000).decode(), "chunk": str(number)},
            }
        ),
    ],
    ids=["junk", "digits", "unknown", "sound"],
)
async def test_a_flood_ends_the_stream(stage: TwilioStage, flood: Flood) -> None:
    stream = await stage.call()
    for number in range(5_000):
        if stream.socket.closed:
            break
        try:
            await stream.socket.send_str(flood(stream, number))
        except (ConnectionError, aiohttp.ClientConnectionError):
            break
    await stream.until(lambda: stream.closed)
    await wait_until(lambda: stage.answering.done)
    ear = stage.answering.ears[0]
    assert ear.ends == [LineEnd.LOST]
    assert len(ear.digits) <= 2_000
    assert len(ear.data) <= 8_000 * 4


async def test_a_flood_of_pings_ends_the_stream(stage: TwilioStage) -> None:
    stream = await stage.call()
    with suppress(ConnectionError):
        for _ in range(100_000):
            if stream.closed:
                break
            await stream.socket.ping()
            await asyncio.sleep(0)
    await stream.until(lambda: stream.closed)
    await wait_until(lambda: stage.answering.done)
    assert stage.answering.ears[0].ends == [LineEnd.LOST]


async def test_pings_before_the_start_and_after_it_do_no_harm(stage: TwilioStage) -> None:
    call, instruction = await stage.announce()
    socket = await stage.account.session.ws_connect(stage.account.here(instruction.stream), autoping=False)
    await socket.ping(b"1")
    answer = await socket.receive()
    assert (answer.type, answer.data) == (aiohttp.WSMsgType.PONG, b"1")
    stream = MediaStream(socket, stage.account.sid, call, instruction.parameters)
    stage.streams.append(stream)
    await stream.start()
    await wait_until(lambda: stage.answering.lines)
    await socket.ping(b"2")
    await stream.press("5")
    await wait_until(lambda: stage.answering.ears[0].digits == "5")


async def test_a_message_that_is_too_big_closes_the_stream(
    stage: TwilioStage, caplog: pytest.LogCaptureFixture
) -> None:
    stream = await stage.call()
    await stream.socket.send_str("x" * 100_000)
    await stream.until(lambda: stream.closed)
    assert stream.socket.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
    await wait_until(lambda: stage.answering.done)
    assert caplog.messages == ["A stream of a phone call has ended: a message is longer than 16 KB"]


async def test_a_first_message_that_is_too_big_is_refused_for_its_size(
    stage: TwilioStage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    socket = await stage.socket()
    await socket.send_str("x" * 100_000)
    assert await closed(socket) == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
    assert "A stream of a phone call was refused: a message is longer than 16 KB" in caplog.messages


async def test_a_stream_that_does_not_read_is_cut_off_and_takes_little_memory(stage: TwilioStage) -> None:
    stream = await stage.call()
    line, ear = stage.answering.lines[0], stage.answering.ears[0]
    transport = stream.socket._response.connection.transport  # type: ignore[union-attr]
    assert isinstance(transport, asyncio.Transport)
    transport.pause_reading()
    for sent in range(20_000):
        line.send(b"\x55" * FRAME_BYTES)
        if sent % 50 == 0:
            await asyncio.sleep(0)
        if ear.ends:
            break
    await wait_until(lambda: ear.ends)
    assert ear.ends == [LineEnd.LOST]
    transport.resume_reading()


async def test_the_end_of_the_server_ends_its_lines() -> None:
    answering = Answering()
    async with twilio_stage(answering) as stage:
        await stage.call()
    assert answering.done == 1
    assert answering.ears[0].ends == [LineEnd.LOST]


async def test_only_so_many_callers_at_a_time_hear_that_a_call_is_on(stage: TwilioStage) -> None:
    for _ in range(media_socket.MAX_LINES):
        await stage.call()
    stage.answering.admission = Admission.BUSY
    _, instruction = await stage.announce()
    assert (instruction.verb, instruction.reason) == ("Reject", "busy")
    assert stage.answering.refusals == [("twilio", CALLER, Admission.BUSY)]
    await stage.streams[0].hang_up()
    await wait_until(lambda: stage.answering.done)
    await wait_until(lambda: _answered(stage))


async def test_a_caller_who_may_be_talked_with_is_answered_while_others_hear_that_a_call_was_on(
    stage: TwilioStage,
) -> None:
    for _ in range(media_socket.MAX_LINES):
        await stage.call()
    fifth = await stage.call()
    assert len(stage.answering.lines) == media_socket.MAX_LINES + 1
    await asyncio.to_thread(stage.answering.lines[-1].send, b"\x55" * FRAME_BYTES)
    await fifth.until(lambda: fifth.playout.waiting == FRAME_BYTES)


async def _answered(stage: TwilioStage) -> bool:
    return (await stage.announce())[1].verb == "Connect"
