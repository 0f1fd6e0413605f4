"""The playback: no sound is lost, no dropped sound is sent, and the position is always right."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.samples import SPEAKING_FRAME
from bot.voice.playback.playback import MAX_GAP, SILENT_FRAME
from tests.timing import LIMIT, Clock
from tests.voice.playback.playing import left_channel, make_playback, ramp, take_all, take_for


@settings(max_examples=60)
@given(chunks=st.lists(st.integers(0, 3000), max_size=12))
def test_any_chunking_gives_the_same_sound_padded_at_its_end(chunks: list[int]) -> None:
    async def check() -> None:
        source, heard = make_playback()
        source.begin("r1")
        written = 0
        for length in chunks:
            source.write("r1", ramp(length, written))
            written += length
        source.finish("r1")
        sound = left_channel(take_all(source))
        assert sound[:written] == np.rint(ramp(written) * 32767).astype(int).tolist()
        assert not any(sound[written:])
        assert len(sound) == -(-written // SPEAKING_FRAME) * SPEAKING_FRAME
        await asyncio.sleep(0)
        assert heard.journal[-1] == ("drained", "r1", written, 0)

    asyncio.run(check())


async def test_a_pause_in_the_sound_is_filled_with_silence_and_counted() -> None:
    clock = Clock(7.0)
    source, heard = make_playback(clock)
    source.begin("r1")
    assert take_for(source, clock, 5) == [None] * 5, "silence before the first sound is no underrun"
    source.write("r1", ramp(SPEAKING_FRAME, 1))
    sound, *silence = take_for(source, clock, 3)
    assert sound not in (None, SILENT_FRAME)
    assert silence == [SILENT_FRAME] * 2
    source.write("r1", ramp(SPEAKING_FRAME, 1))
    assert take_for(source, clock, 4)[1:] == [SILENT_FRAME] * 3
    source.finish("r1")
    assert source.take() is None
    await asyncio.sleep(0)
    # Silence after the last sound is no underrun.
    assert [event[0] for event in heard.journal] == ["first", "drained"]
    assert heard.journal[-1] == ("drained", "r1", 2 * SPEAKING_FRAME, 2)


async def test_sound_that_is_late_is_no_underrun_while_listeners_have_sound() -> None:
    clock = Clock(7.0)
    source, heard = make_playback(clock)
    source.begin("r1")
    source.write("r1", ramp(SPEAKING_FRAME, 1))
    assert source.take(silence=False) is not None
    assert source.take(silence=False) is None
    clock.now += 0.06
    source.write("r1", ramp(SPEAKING_FRAME, 1))
    source.finish("r1")
    take_for(source, clock, 2)
    await asyncio.sleep(0)
    assert heard.journal[-1] == ("drained", "r1", 2 * SPEAKING_FRAME, 0)


async def test_a_long_underrun_ends_the_transmission_and_is_counted_completely() -> None:
    clock = Clock(7.0)
    source, heard = make_playback(clock)
    source.begin("r1")
    source.write("r1", ramp(SPEAKING_FRAME, 1))
    taken = take_for(source, clock, 101)
    assert taken.count(SILENT_FRAME) == pytest.approx(MAX_GAP / 0.02, abs=1)
    assert taken[-1] is None
    source.write("r1", ramp(SPEAKING_FRAME, 1))
    source.finish("r1")
    assert take_for(source, clock, 2)[0] not in (None, SILENT_FRAME)
    await asyncio.sleep(0)
    assert heard.journal[-1] == ("drained", "r1", 2 * SPEAKING_FRAME, 100)


async def test_a_frame_of_silence_is_counted_also_if_the_sending_thread_catches_up() -> None:
    clock = Clock(7.0)
    source, heard = make_playback(clock)
    source.begin("r1")
    source.write("r1", ramp(SPEAKING_FRAME, 1))
    take_for(source, clock, 1)
    assert source.take() == SILENT_FRAME
    source.write("r1", ramp(SPEAKING_FRAME, 1))
    source.finish("r1")
    clock.now += 0.005
    take_for(source, clock, 2)
    await asyncio.sleep(0)
    assert heard.journal[-1] == ("drained", "r1", 2 * SPEAKING_FRAME, 1)


async def test_held_sound_continues_where_it_was_held() -> None:
    clock, woken = Clock(7.0), []
    source, heard = make_playback(clock)
    source.begin("r1")
    source.write("r1", ramp(4 * SPEAKING_FRAME))
    before = take_for(source, clock, 2)
    source.hold()
    assert take_for(source, clock, 50) == [None] * 50
    assert source.position("r1") == 2 * SPEAKING_FRAME
    source.wake = lambda: woken.append(True)
    source.resume()
    assert woken
    source.finish("r1")
    played = [frame for frame in before + take_for(source, clock, 3) if frame is not None]
    assert left_channel(played) == np.rint(ramp(4 * SPEAKING_FRAME) * 32767).astype(int).tolist()
    await asyncio.sleep(0)
    assert heard.journal[-1] == ("drained", "r1", 4 * SPEAKING_FRAME, 0)


async def test_marks_are_reported_at_their_place() -> None:
    source, heard = make_playback()
    source.begin("r1")
    for number in range(2):
        source.mark("r1", number)
        source.write("r1", ramp(2 * SPEAKING_FRAME))
    source.take()
    await asyncio.sleep(0)
    # Nothing is reported before the frame is sent, because reporting would delay the frame.
    assert heard.journal == []
    source.report()
    await asyncio.sleep(0)
    assert heard.journal == [("mark", "r1", 0), ("first", "r1", 7.0)]
    source.take()
    source.take()
    source.report()
    await asyncio.sleep(0)
    assert heard.journal[-1] == ("mark", "r1", 1)


async def test_taken_frames_are_reported_with_the_next_frame_at_the_latest() -> None:
    source, heard = make_playback()
    source.begin("r1")
    source.write("r1", ramp(2 * SPEAKING_FRAME))
    source.take()
    source.take()
    await asyncio.sleep(0)
    assert heard.journal == [("first", "r1", 7.0)]


async def test_silence_is_sent_ahead_of_a_reply_only_when_it_is_asked_for() -> None:
    source, _ = make_playback()
    woken: list[bool] = []
    source.wake = lambda: woken.append(True)
    for reply in ("r1", "r2"):
        source.begin(reply)
        for _ in range(10):
            await asyncio.sleep(0)
        assert woken == []
        source.prime()
        assert woken
        woken.clear()


async def test_the_volume_applies_to_sound_that_is_already_queued() -> None:
    source, _ = make_playback()
    source.begin("r1")
    source.write("r1", np.full(3 * SPEAKING_FRAME, 0.25, np.float32))
    levels = []
    for volume in (1.0, 0.0, 9.0):
        source.volume = volume
        levels.append(left_channel([source.take() or b""])[0])
    assert levels == [8191, 0, 16383]


async def test_loud_and_broken_samples_do_not_wrap() -> None:
    source, _ = make_playback()
    source.begin("r1")
    source.write("r1", np.array([2.0, -2.0, np.nan, np.inf, -np.inf] * 200, np.float32))
    assert left_channel([source.take() or b""])[:5] == [32767, -32767, 0, 32767, -32767]


async def test_there_is_room_when_sound_was_sent_or_dropped() -> None:
    source, _ = make_playback()
    source.begin("r1")
    source.write("r1", ramp(5 * SPEAKING_FRAME))
    waiting = asyncio.create_task(source.wait_for_room(0.05))
    await asyncio.sleep(0)
    for _ in range(2):
        source.take()
        source.report()
        await asyncio.sleep(0)
    assert not waiting.done()
    source.take()
    source.report()
    async with asyncio.timeout(LIMIT):
        await waiting
    source.write("r1", ramp(50 * SPEAKING_FRAME))
    waiting = asyncio.create_task(source.wait_for_room(0.05))
    await asyncio.sleep(0)
    source.drop("r1")
    async with asyncio.timeout(LIMIT):
        await waiting


async def test_a_reply_is_being_made_until_its_first_frame() -> None:
    source, _ = make_playback()
    states = [source.making]
    source.begin("r1")
    states.append(source.making)
    source.write("r1", ramp(SPEAKING_FRAME))
    source.take()
    states.append(source.making)
    assert states == [False, True, False]


async def test_the_reply_of_the_last_frame_is_known() -> None:
    source, _ = make_playback()
    sounding = []
    for reply in ("r1", "r2"):
        source.begin(reply)
        source.write(reply, ramp(2 * SPEAKING_FRAME))
        for _ in range(3):
            # The third frame is the silence of an underrun.
            assert source.take() is not None
            sounding.append(source.sounding)
        source.finish(reply)
    assert sounding == ["r1"] * 3 + ["r2"] * 3


@pytest.mark.parametrize("reply", ["r0", "r2"])
async def test_sound_of_another_reply_is_dropped(reply: str) -> None:
    source, _ = make_playback()
    source.begin("r1")
    source.write(reply, ramp(SPEAKING_FRAME))
    source.finish(reply)
    assert source.take() is None


async def test_an_allowed_silence_is_no_underrun() -> None:
    clock = Clock(7.0)
    source, heard = make_playback(clock)
    source.begin("r1")
    source.write("r1", ramp(SPEAKING_FRAME + 10))
    source.pause("r1")
    sound = take_for(source, clock, 500)
    assert [frame is not None for frame in sound[:3]] == [True, True, False]
    assert not any(sound[3:])
    source.write("r1", ramp(SPEAKING_FRAME))
    source.finish("r1")
    assert len(take_all(source)) == 1
    await asyncio.sleep(0)
    assert heard.journal[-1] == ("drained", "r1", 2 * SPEAKING_FRAME + 10, 0)
