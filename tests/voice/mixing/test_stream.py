"""A mixed stream: it waits for enough sound, fades out when its sound is late, and says so."""

from __future__ import annotations

import numpy as np

from bot.voice.mixing.levels import FRAME_BYTES
from bot.voice.mixing.stream import FULL_FRAMES, LOW_FRAMES, START_FRAMES, Channel, MixedStream, StreamState
from tests.voice.mixing.sounds import tone

LOUD = tone(1, 0.5)[0]


def filled(frames: int) -> tuple[MixedStream, list[StreamState]]:
    """A stream with sound, and the list of the states that it reports."""
    states: list[StreamState] = []
    stream = MixedStream(Channel.MUSIC, lambda: states.append(stream.state))
    for _ in range(frames):
        stream.write(LOUD)
    return stream, states


def levels(stream: MixedStream, frames: int) -> list[float]:
    return [float(np.abs(frame).max()) for _ in range(frames) if (frame := stream.take()) is not None]


def test_a_stream_begins_when_half_a_second_is_there() -> None:
    stream, _ = filled(START_FRAMES - 1)
    assert stream.take() is None
    stream.write(LOUD)
    assert stream.take() is not None


def test_a_short_sound_begins_at_once_and_is_played_to_its_end() -> None:
    stream, states = filled(3)
    stream.end()
    assert len(levels(stream, 10)) == 3
    assert states == [StreamState.PLAYING, StreamState.OVER]


def test_late_sound_fades_out_is_reported_and_fades_in_again_when_there_is_enough() -> None:
    stream, states = filled(START_FRAMES)
    before = levels(stream, 60)
    assert before[-1] < 0.15 < max(before), "it faded out"
    assert before == sorted(before[:10]) + before[10:]
    assert states == [StreamState.PLAYING, StreamState.STALLED]
    for _ in range(START_FRAMES):
        stream.write(LOUD)
    again = levels(stream, 6)
    assert again[0] < 0.15 < again[-1]
    assert states[2:] == [StreamState.PLAYING]
    assert stream.played == len(before) + len(again)


def test_a_pause_fades_out_and_keeps_the_rest() -> None:
    stream, _ = filled(50)
    levels(stream, 10)
    stream.pause()
    assert len(levels(stream, 100)) == 5
    stream.resume()
    stream.end()
    assert len(levels(stream, 100)) == 35


def test_a_stop_fades_out_and_forgets_the_rest() -> None:
    stream, states = filled(50)
    levels(stream, 10)
    stream.stop()
    assert len(levels(stream, 100)) == 5
    assert states[-1] is StreamState.OVER
    stream.resume()
    assert stream.take() is None


def test_a_stream_that_never_got_enough_can_be_stopped() -> None:
    stream, states = filled(2)
    stream.stop()
    assert stream.take() is None
    assert states == [StreamState.OVER]


def test_a_stream_is_full_after_two_seconds_and_tells_when_there_is_room_again() -> None:
    stream, states = filled(FULL_FRAMES - 1)
    fullness = [stream.full]
    stream.write(LOUD)
    fullness.append(stream.full)
    levels(stream, FULL_FRAMES - LOW_FRAMES)
    fullness.append(stream.full)
    assert fullness == [False, True, False]
    assert len(states) == 2, "it plays, and there is room"


def test_an_incomplete_last_frame_is_filled_up_with_silence() -> None:
    stream = MixedStream(Channel.MUSIC)
    stream.write(LOUD[: FRAME_BYTES // 2])
    stream.end()
    frame = stream.take()
    assert frame is not None
    assert not frame[480:].any()
