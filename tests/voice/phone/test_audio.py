"""The sound of a phone call: what the caller says, what they hear, and how much of it they have heard."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from audio.g711 import Law, decode_g711, encode_g711
from audio.pcm import to_int16
from audio.samples import SPEAKING_FRAME, Samples
from bot.voice.frames import AudioFrame, InputEvent, PersonLeft, TransmissionEnded
from bot.voice.mixing.mixer import Mixer
from bot.voice.phone.audio_input import PAUSE, PhoneAudioInput
from bot.voice.phone.audio_output import PhoneFrames
from bot.voice.phone.line import FRAME_BYTES
from bot.voice.playback.playback import ReplyPlayback
from bot.voice.playback.sender import FrameSender
from bot.voice.turn import Microphone
from tests.timing import Clock
from tests.tones import tone
from tests.voice.phone.memory_line import MemoryLine

ADA = 7


class DirectThread:
    """An input thread that calls functions at once, and keeps the events."""

    def __init__(self) -> None:
        self.events: list[InputEvent] = []

    def offer(self, function: object, *arguments: object) -> None:
        assert callable(function)
        function(*arguments)

    post = offer

    def person_left(self, person: int) -> None: ...

    def receive(self, event: InputEvent) -> None:
        self.events.append(event)

    @property
    def sound(self) -> Samples:
        return np.concatenate([each.sound for each in self.events if isinstance(each, AudioFrame)])


def spoken(seconds: float, law: Law) -> tuple[Samples, list[bytes]]:
    sound = tone(seconds, rate=8_000, level=0.5)
    data = encode_g711(to_int16(sound), law)
    return sound, [data[start : start + FRAME_BYTES] for start in range(0, len(data), FRAME_BYTES)]


def listening(law: Law, clock: Clock) -> tuple[PhoneAudioInput, DirectThread]:
    source, thread = PhoneAudioInput(ADA, law, clock=clock), DirectThread()
    source.start(thread, lambda person: person == ADA)
    return source, thread


@pytest.mark.parametrize("law", ["alaw", "ulaw"])
def test_a_caller_is_heard_without_a_click_between_packets(law: Law) -> None:
    clock = Clock()
    source, thread = listening(law, clock)
    _, packets = spoken(1.0, law)
    for packet in packets:
        clock.pass_by(0.02)
        source.sound(packet, clock())
    frames = [each for each in thread.events if isinstance(each, AudioFrame)]
    assert {each.microphone for each in frames} == {Microphone.OPEN}
    assert {len(each.sound) for each in frames} == {320}
    assert len(thread.sound) == 16_000
    # A click at the border of two packets would be a jump; the steepest step of this tone is 0.09.
    assert np.abs(np.diff(thread.sound[200:])).max() < 0.12


def test_lost_sound_is_replaced_by_silence_of_its_length() -> None:
    clock = Clock()
    source, thread = listening("alaw", clock)
    _, packets = spoken(0.2, "alaw")
    for packet in packets[:5]:
        source.sound(packet, clock())
    source.gap(3 * FRAME_BYTES, clock())
    for packet in packets[8:]:
        source.sound(packet, clock())
    assert len(thread.sound) == 3_200
    assert np.abs(thread.sound[1_700:2_500]).max() < 0.01
    assert np.abs(thread.sound[2_700:]).max() > 0.4


def test_a_telephone_that_sends_nothing_has_paused_and_a_late_packet_continues_the_sound() -> None:
    clock = Clock()
    source, thread = listening("ulaw", clock)
    _, packets = spoken(0.1, "ulaw")
    source.sound(packets[0], clock())
    assert source.deadline == clock() + PAUSE
    clock.pass_by(PAUSE)
    source.tick(clock())
    source.sound(packets[1], clock())
    before, ended, after = thread.events
    assert isinstance(before, AudioFrame)
    assert isinstance(after, AudioFrame)
    assert ended == TransmissionEnded(ADA, clock(), announced=False)
    assert (before.delayed, after.delayed) == (False, True)


def test_sound_of_a_person_who_is_not_listened_to_and_sound_after_the_call_are_dropped() -> None:
    clock = Clock()
    source, thread = listening("alaw", clock)
    _, packets = spoken(0.04, "alaw")
    source.person_left(ADA, clock())
    assert thread.events == [PersonLeft(ADA, clock())]
    source.stop()
    source.sound(packets[0], clock())
    source.gap(FRAME_BYTES, clock())
    assert len(thread.events) == 1
    stranger, other = PhoneAudioInput(ADA, "alaw", clock=clock), DirectThread()
    stranger.start(other, lambda _: False)
    stranger.sound(packets[0], clock())
    assert other.events == []


def playing(line: MemoryLine) -> tuple[ReplyPlayback, FrameSender, PhoneFrames, Clock]:
    clock = Clock()
    playback = ReplyPlayback(asyncio.get_running_loop(), clock=clock)
    mixer = Mixer(playback)
    frames = PhoneFrames(mixer, line)
    mixer.heard = frames.heard
    return playback, FrameSender(mixer, frames, clock=clock), frames, clock


@pytest.mark.parametrize("law", ["alaw", "ulaw"])
async def test_the_caller_hears_a_reply_at_the_rate_of_telephones(law: Law) -> None:
    line = MemoryLine(law=law)
    playback, sender, _, clock = playing(line)
    playback.begin("r1")
    playback.write("r1", tone(0.5))
    playback.finish("r1")
    for _ in range(60):
        sender.step()
        clock.pass_by(0.02)
    heard = decode_g711(bytes(line.heard), law).astype(np.float32)
    assert len(line.heard) % FRAME_BYTES == 0
    loud = np.flatnonzero(np.abs(heard) > 0.02 * np.abs(heard).max())
    assert (loud[-1] - loud[0]) / 8_000 == pytest.approx(0.5, abs=0.01)


async def test_sound_that_the_network_still_holds_has_not_been_heard() -> None:
    line = MemoryLine(held=10 * FRAME_BYTES)
    playback, sender, frames, clock = playing(line)
    playback.begin("r1")
    playback.write("r1", tone(2.0))
    for _ in range(51):
        sender.step()
        clock.pass_by(0.02)
    assert playback.position("r1") == (51 - 10) * SPEAKING_FRAME
    line.held = 0
    line.send(bytes(FRAME_BYTES))
    assert playback.position("r1") == 51 * SPEAKING_FRAME
    frames.clear()
    assert (line.cleared, line.unheard) == (1, 0)


async def test_silence_before_a_reply_counts_as_no_word_of_it() -> None:
    line = MemoryLine(held=10 * FRAME_BYTES)
    playback, _, frames, _ = playing(line)
    for _ in range(8):
        frames.send_silence()
    playback.begin("r1")
    playback.write("r1", tone(0.1))
    for _ in range(3):
        pcm = playback.take()
        assert pcm is not None
        frames.send(pcm)
    assert playback.position("r1") == 0, "all three frames lie in the network"
    for _ in range(7):
        frames.send_silence()
        assert playback.position("r1") == 0
    frames.send_silence()
    assert playback.position("r1") == SPEAKING_FRAME, "the first of the three has been heard"
