"""A phone line over Twilio without a network: how much the caller has heard, interruptions, lost sound, and its end."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.http.twilio.heard import MAX_MARKS, MarkedSound
from bot.http.twilio.line import TwilioLine
from bot.http.twilio.messages import StreamError, StreamMessage, read_message
from bot.voice.phone.line import FRAME_BYTES, LineEnd
from sandbox.twilio.playout import Playout
from tests.timing import Clock, ManualSleep, settle
from tests.voice.phone.ear import Ear

FRAME = b"\x55" * FRAME_BYTES
STREAM = "MZ1"


class Socket:
    """Stands in for the socket of a line, and keeps what the line has sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.dropped = 0
        self.ended = 0

    def put(self, text: str) -> None:
        self.sent.append(json.loads(text))

    def drop_unsent(self) -> None:
        self.dropped += 1

    def end(self) -> None:
        self.ended += 1

    @property
    def events(self) -> list[str]:
        return [each["event"] for each in self.sent]


class Stage:
    """A line, its socket, and its listener."""

    def __init__(self) -> None:
        self.socket = Socket()
        self.clock = Clock()
        self.sleep = ManualSleep()
        self.ear = Ear()
        self.line = TwilioLine("+4930123456", STREAM, self.socket, clock=self.clock, sleep=self.sleep)
        self.chunk = 0

    def receive(self, event: str, **fields: Any) -> None:
        self.line.receive(message(event, **fields))

    def mark(self, name: str) -> None:
        self.receive("mark", mark={"name": name})

    def media(self, sound: bytes, at: int, **fields: Any) -> None:
        """Receive sound that is marked with this time, in milliseconds."""
        self.chunk += 1
        usual = {"track": "inbound", "chunk": str(self.chunk), "timestamp": str(at)}
        self.receive("media", media={**usual, "payload": base64.b64encode(sound).decode(), **fields})

    async def send(self, frames: int) -> None:
        for _ in range(frames):
            self.line.send(FRAME)
        await settle()


def message(event: str, **fields: Any) -> StreamMessage:
    read = read_message(json.dumps({"event": event, "streamSid": STREAM, **fields}))
    assert read is not None
    return read


async def test_a_frame_is_followed_by_its_mark_and_counts_as_heard_when_the_mark_comes_back() -> None:
    stage = Stage()
    await stage.send(3)
    assert stage.socket.events == ["media", "mark"] * 3
    assert base64.b64decode(stage.socket.sent[0]["media"]["payload"]) == FRAME
    assert {each["streamSid"] for each in stage.socket.sent} == {STREAM}
    names = [each["mark"]["name"] for each in stage.socket.sent if each["event"] == "mark"]
    assert stage.line.unheard == 480
    stage.mark(names[0])
    assert stage.line.unheard == 320
    stage.mark(names[2])
    assert (stage.line.unheard, stage.line.sound.heard) == (0, 480)


async def test_frames_count_as_unheard_as_soon_as_they_are_sent() -> None:
    stage = Stage()
    stage.line.send(FRAME)
    assert (stage.line.unheard, stage.socket.sent) == (160, [])


async def test_marks_that_come_back_because_of_an_interruption_do_not_count_as_heard() -> None:
    stage = Stage()
    await stage.send(5)
    stage.mark("1")
    stage.mark("2")
    stage.line.clear()
    assert stage.socket.events[-1] == "clear"
    for name in ("3", "4", "5"):
        stage.mark(name)
    assert (stage.line.sound.heard, stage.line.sound.dropped, stage.line.unheard) == (320, 480, 0)
    await stage.send(2)
    stage.mark("5")
    assert stage.line.unheard == 320
    stage.mark("6")
    assert (stage.line.sound.heard, stage.line.unheard) == (480, 160)


async def test_a_frame_on_its_way_to_the_event_loop_is_not_sent_after_an_interruption() -> None:
    stage = Stage()
    await stage.send(2)
    stage.line.send(FRAME)
    stage.line.clear()
    await settle()
    assert stage.socket.events == ["media", "mark", "media", "mark", "clear"]
    assert (stage.line.unheard, stage.socket.dropped) == (0, 1)


@given(st.lists(st.sampled_from(["send", "play", "play", "clear", "return"]), max_size=120))
def test_what_was_heard_is_what_twilio_has_played(steps: Sequence[str]) -> None:
    """Nothing counts as heard that Twilio has not played. Without a clearing, all that was played counts in the end."""
    sound, twilio, returning = MarkedSound(), Playout(), list[str]()
    for step in steps:
        if step == "send":
            name = str(sound.sent(160))
            twilio.sound(FRAME)
            returning += twilio.mark(name)
        elif step == "play":
            returning += twilio.play(160)
        elif step == "clear":
            # What Twilio has played but not reported yet counts as not heard: its marks look like those of cleared
            # sound.
            sound.clear()
            returning += twilio.clear()
        elif returning:
            sound.returned(returning.pop(0))
        assert sound.heard <= twilio.spoken
        assert sound.unheard >= 0
    for name in returning:
        sound.returned(name)
    assert sound.heard + sound.dropped + sound.unheard == 160 * steps.count("send")
    assert sound.unheard == twilio.waiting
    if "clear" not in steps:
        assert sound.heard == twilio.spoken


@pytest.mark.parametrize("name", ["0", "4", "99999", "-1", "x", "1" * 64, "²", "٣", "1.0", " 1"])
async def test_marks_that_were_never_sent_change_nothing(name: str) -> None:
    stage = Stage()
    await stage.send(3)
    stage.mark(name)
    assert stage.line.unheard == 480


def test_marks_that_never_come_back_take_no_memory() -> None:
    sound = MarkedSound()
    for _ in range(MAX_MARKS + 100):
        sound.sent(160)
    assert sound.unheard == MAX_MARKS * 160


async def test_sound_digits_and_losses_are_reported_in_order() -> None:
    stage = Stage()
    stage.media(b"\x01" * FRAME_BYTES, 0)
    stage.line.start(stage.ear)
    stage.media(b"\x02" * FRAME_BYTES, 20)
    stage.media(b"\x03" * FRAME_BYTES, 41)
    stage.media(b"\x04" * FRAME_BYTES, 121)
    stage.receive("dtmf", dtmf={"track": "inbound_track", "digit": "#"})
    assert stage.ear.passed == [b"\x02" * FRAME_BYTES, b"\x03" * FRAME_BYTES, 480, b"\x04" * FRAME_BYTES]
    assert stage.ear.digits == "#"


async def test_sound_that_came_already_and_the_bots_own_sound_are_left_out() -> None:
    stage = Stage()
    stage.line.start(stage.ear)
    stage.media(b"\x01" * FRAME_BYTES, 0)
    stage.media(b"\x02" * FRAME_BYTES, 0, chunk="1")
    stage.media(b"\x03" * FRAME_BYTES, 20, track="outbound")
    stage.media(b"", 40)
    assert stage.ear.data == b"\x01" * FRAME_BYTES


async def test_a_client_can_not_claim_hours_of_lost_sound() -> None:
    stage = Stage()
    stage.line.start(stage.ear)
    for number in range(200):
        stage.media(b"\x01" * 8, number * 3_600_000)
    lost = sum(stage.ear.gaps)
    assert lost <= 8_000 * 40


async def test_sound_far_ahead_of_the_clock_is_refused() -> None:
    stage = Stage()
    stage.line.start(stage.ear)
    with pytest.raises(StreamError):
        for number in range(200):
            stage.media(b"\x01" * 8_000, number * 1_000)
    assert len(stage.ear.data) <= 8_000 * 3


async def test_messages_of_another_stream_are_ignored() -> None:
    stage = Stage()
    stage.line.start(stage.ear)
    for event, fields in (("stop", {}), ("dtmf", {"dtmf": {"digit": "1"}}), ("mark", {"mark": {"name": "1"}})):
        stage.line.receive(message(event, **{**fields, "streamSid": "MZ2"}))
    assert (stage.ear.digits, stage.ear.ends) == ("", [])


async def test_the_end_is_reported_once_also_to_a_listener_that_comes_late() -> None:
    stage = Stage()
    stage.receive("stop", stop={})
    stage.line.end(LineEnd.LOST)
    stage.line.start(stage.ear)
    stage.media(b"\x01" * FRAME_BYTES, 0)
    await stage.send(1)
    stage.line.clear()
    await stage.line.hang_up()
    assert stage.ear.ends == [LineEnd.CALLER]
    assert (stage.socket.sent, stage.socket.ended, stage.ear.data) == ([], 1, b"")


async def test_hanging_up_waits_until_the_caller_has_heard_what_was_sent() -> None:
    stage = Stage()
    stage.line.start(stage.ear)
    stage.line.send(FRAME)
    stage.line.send(FRAME)
    hanging_up = asyncio.create_task(stage.line.hang_up())
    await settle()
    stage.mark("1")
    await settle()
    assert (stage.socket.ended, hanging_up.done()) == (0, False)
    stage.mark("2")
    await settle()
    assert (stage.socket.ended, hanging_up.done()) == (1, True)
    assert stage.ear.ends == [LineEnd.BOT]


async def test_hanging_up_does_not_wait_for_ever() -> None:
    stage = Stage()
    stage.line.start(stage.ear)
    await stage.send(1)
    hanging_up = asyncio.create_task(stage.line.hang_up())
    await stage.sleep.pass_by(1.4)
    assert not hanging_up.done()
    await stage.sleep.pass_by(0.2)
    await settle()
    assert (hanging_up.done(), stage.ear.ends) == (True, [LineEnd.BOT])


async def test_a_caller_who_hangs_up_meanwhile_ends_the_wait() -> None:
    stage = Stage()
    stage.line.start(stage.ear)
    await stage.send(1)
    hanging_up = asyncio.create_task(stage.line.hang_up())
    await settle()
    stage.receive("stop", stop={})
    await settle()
    assert (hanging_up.done(), stage.ear.ends) == (True, [LineEnd.CALLER])


async def test_without_sound_for_ten_seconds_the_phone_call_ends() -> None:
    stage = Stage()
    stage.line.start(stage.ear)
    watching = asyncio.create_task(stage.line.watch())
    for _ in range(9):
        stage.clock.pass_by(1)
        await stage.sleep.pass_by(1)
    stage.media(b"\xff" * FRAME_BYTES, 9_000)
    for _ in range(9):
        stage.clock.pass_by(1)
        await stage.sleep.pass_by(1)
    assert stage.ear.ends == []
    stage.mark("1")
    stage.clock.pass_by(1)
    await stage.sleep.pass_by(1)
    assert stage.ear.ends == [LineEnd.SILENT]
    await watching


async def test_a_frame_after_the_end_of_the_event_loop_is_dropped() -> None:
    stage = Stage()
    other = asyncio.new_event_loop()
    stage.line._loop = other
    other.close()
    thread = threading.Thread(target=stage.line.send, args=(FRAME,))
    thread.start()
    await asyncio.to_thread(thread.join)
    assert stage.socket.sent == []
