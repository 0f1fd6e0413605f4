"""The playback's sound that is dropped, cut or trimmed: no more of it is sent, and what counts as heard is right."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.samples import SPEAKING_FRAME
from bot.voice.playback.playback import SILENT_FRAME
from tests.voice.playback.playing import left_channel, make_playback, ramp, take_all


@settings(max_examples=60)
@given(taken=st.integers(0, 12), length=st.integers(0, 10_000))
def test_after_a_drop_no_frames_come_and_the_position_is_the_samples_taken(taken: int, length: int) -> None:
    async def check() -> None:
        source, _ = make_playback()
        source.begin("r1")
        source.write("r1", ramp(length))
        frames = [frame for _ in range(taken) if (frame := source.take()) is not None and frame != SILENT_FRAME]
        assert source.position("r1") == min(len(frames) * SPEAKING_FRAME, length)
        assert source.drop("r1") == len(frames) * SPEAKING_FRAME
        source.write("r1", ramp(5000))
        source.finish("r1")
        assert source.take() is None
        assert source.drop("r1") == 0

    asyncio.run(check())


async def test_held_sound_can_be_dropped() -> None:
    source, _ = make_playback()
    source.begin("r1")
    source.write("r1", ramp(4 * SPEAKING_FRAME))
    source.take()
    source.hold()
    assert source.drop("r1") == SPEAKING_FRAME
    source.resume()
    assert source.take() is None


@pytest.mark.parametrize("finished", [False, True])
async def test_sound_that_is_cut_ends_at_the_cut_and_its_end_is_reported(finished: bool) -> None:
    source, heard = make_playback()
    source.begin("r1")
    source.write("r1", ramp(5 * SPEAKING_FRAME + 7))
    source.mark("r1", 1)
    if finished:
        source.finish("r1")
    first = source.take()
    source.cut("r1", 2 * SPEAKING_FRAME + 1)
    assert first is not None
    assert len(take_all(source)) == 2, "the frame with the last sample is heard as a whole"
    source.write("r1", ramp(SPEAKING_FRAME))
    assert take_all(source) == []
    await asyncio.sleep(0)
    assert [each for each in heard.journal if each[0] in ("mark", "drained")] == [
        ("drained", "r1", 3 * SPEAKING_FRAME, 0)
    ]
    assert source.buffered_seconds == 0


@settings(max_examples=60)
@given(first=st.integers(1, 4_000), second=st.integers(1, 4_000), taken=st.integers(0, 6))
def test_words_behind_the_cut_do_not_count_as_heard(first: int, second: int, taken: int) -> None:
    async def check() -> None:
        source, heard = make_playback()
        source.begin("r1")
        for number, length in enumerate((first, second)):
            source.mark("r1", number)
            source.write("r1", ramp(length))
        source.finish("r1")
        for _ in range(min(taken, first // SPEAKING_FRAME)):
            source.take()
        source.cut("r1", first)
        take_all(source)
        await asyncio.sleep(0)
        assert [entry for entry in heard.journal if entry[0] == "mark"] == [("mark", "r1", 0)]
        assert heard.journal[-1][0] == "drained"

    asyncio.run(check())


async def test_sound_that_was_sent_further_than_the_cut_ends_at_once() -> None:
    source, heard = make_playback()
    source.begin("r1")
    source.write("r1", ramp(5 * SPEAKING_FRAME))
    for _ in range(3):
        source.take()
    source.cut("r1", SPEAKING_FRAME)
    source.cut("another", 0)
    assert take_all(source) == []
    await asyncio.sleep(0)
    assert heard.journal[-1] == ("drained", "r1", 3 * SPEAKING_FRAME, 0)


@settings(max_examples=100)
@given(
    chunks=st.lists(st.integers(0, 3000), max_size=6),
    taken=st.integers(0, 8),
    kept=st.integers(0, 12_000),
    more=st.integers(0, 3000),
)
def test_sound_that_is_written_next_replaces_trimmed_sound(chunks: list[int], taken: int, kept: int, more: int) -> None:
    async def check() -> None:
        source, heard = make_playback()
        source.begin("r1")
        written = 0
        for number, length in enumerate(chunks):
            source.mark("r1", number)
            source.write("r1", ramp(length, written))
            written += length
        frames = [source.take() for _ in range(min(taken, written // SPEAKING_FRAME))]
        assert source.sent("r1") == SPEAKING_FRAME * len(frames)
        source.trim("r1", kept)
        end = min(written, max(kept, source.sent("r1")))
        source.write("r1", ramp(more, end))
        source.finish("r1")
        assert None not in frames
        sound = left_channel([frame for frame in frames if frame is not None] + take_all(source))
        assert sound[: end + more] == np.rint(ramp(end + more) * 32767).astype(int).tolist()
        assert not any(sound[end + more :])
        await asyncio.sleep(0)
        assert [entry[2] for entry in heard.journal if entry[0] == "mark"] == list(range(len(chunks)))
        assert heard.journal[-1] == ("drained", "r1", end + more, 0)

    asyncio.run(check())


async def test_sound_of_another_reply_is_not_trimmed() -> None:
    source, _ = make_playback()
    source.begin("r1")
    source.write("r1", ramp(SPEAKING_FRAME))
    source.trim("r0", 0)
    assert source.buffered_seconds > 0
