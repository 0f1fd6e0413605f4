"""The sending thread's beat, driven by hand with a clock of the test's own; and the thread itself, once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import pairwise
from statistics import median

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.voice.playback.sender import FRAME_SECONDS, PRIMING_SECONDS, TAIL_FRAMES, FrameClock, FrameSender
from tests.timing import Clock

VOICED, SILENCE = "voiced", "silence"


class Source:
    """Frames that a test puts there."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.making = False
        self.wake: Callable[[], None] = lambda: None

    def take(self) -> bytes | None:
        return self.frames.pop(0) if self.frames else None


class Sink:
    """Writes down what leaves, and when."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.connected = True
        self.journal: list[tuple[str, float]] = []
        self.ring: list[bool] = []
        self.sent = threading.Event()
        self.told = threading.Event()

    def send(self, pcm: bytes) -> None:
        self.journal.append((VOICED, self.clock()))
        self.sent.set()

    def send_silence(self) -> None:
        self.journal.append((SILENCE, self.clock()))

    def set_speaking(self, speaking: bool) -> None:
        self.ring.append(speaking)
        self.told.set()

    def times(self, kind: str) -> list[float]:
        return [at for what, at in self.journal if what == kind]


class Line:
    """A sender with everything around it, stepped by hand."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.source = Source()
        self.sink = Sink(self.clock)
        self.sender = FrameSender(self.source, self.sink, clock=self.clock)

    def run(self, seconds: float) -> None:
        """Let time pass, step by step, as the thread would."""
        end = self.clock.now + seconds
        while self.clock.now < end - 1e-9:
            pause = self.sender.step()
            if pause is None or self.clock.now + pause > end:
                self.clock.now = end
            else:
                self.clock.now += pause


@pytest.fixture
def line() -> Line:
    """A line that has been connected for a while."""
    line = Line()
    line.run(1)
    line.sink.ring.clear()
    return line


def gaps(times: list[float]) -> list[float]:
    return [round(later - earlier, 6) for earlier, later in pairwise(times)]


def test_the_first_voiced_frame_leaves_at_once_and_sets_the_beat(line: Line) -> None:
    line.run(1.2345)
    line.source.frames = [b"x"] * 50
    began = line.clock.now
    line.run(1.5)
    times = line.sink.times(VOICED)
    assert times[0] == began
    assert gaps(times) == [FRAME_SECONDS] * 49


def test_nothing_is_sent_in_silence(line: Line) -> None:
    line.run(60)
    assert line.sink.journal == []
    assert line.sink.ring == []


def test_the_ring_is_lit_with_the_first_frame_and_put_out_after_the_tail(line: Line) -> None:
    line.source.frames = [b"x"] * 3
    line.run(0.05)
    assert line.sink.ring == [True]
    line.run(1)
    assert line.sink.ring == [True, False]
    assert [what for what, _ in line.sink.journal] == [VOICED] * 3 + [SILENCE] * TAIL_FRAMES
    assert gaps([at for _, at in line.sink.journal]) == [FRAME_SECONDS] * (2 + TAIL_FRAMES)


def test_a_late_wake_up_is_caught_up_and_counted(line: Line) -> None:
    line.source.frames = [b"x"] * 10
    line.run(0.06)
    line.clock.now += 0.055
    line.run(1)
    times = line.sink.times(VOICED)
    # On the beat again: the last frame leaves when it would have left without the stall.
    assert times[-1] == pytest.approx(times[0] + 9 * FRAME_SECONDS)
    assert line.sender.timing.late >= 1


def test_a_long_stall_makes_a_new_beat_instead_of_a_burst(line: Line) -> None:
    line.source.frames = [b"x"] * 10
    line.run(0.06)
    line.clock.now += 1.0
    line.run(1)
    assert sum(gap == 0 for gap in gaps(line.sink.times(VOICED))) == 0


def test_silence_ahead_of_a_reply_is_paced_bounded_and_does_not_light_the_ring(line: Line) -> None:
    line.source.making = True
    line.run(10)
    times = line.sink.times(SILENCE)
    assert len(times) == round(PRIMING_SECONDS / FRAME_SECONDS)
    assert set(gaps(times)) == {FRAME_SECONDS}
    assert line.sink.ring == []


def test_priming_does_not_delay_the_first_voiced_frame(line: Line) -> None:
    line.source.making = True
    line.run(0.25)
    line.clock.now += 0.007
    line.source.frames = [b"x"] * 5
    line.source.making = False
    began = line.clock.now
    line.run(0.5)
    assert line.sink.times(VOICED)[0] == began
    assert set(gaps(line.sink.times(VOICED))) == {FRAME_SECONDS}


def test_while_the_connection_is_away_no_frame_is_taken(line: Line) -> None:
    line.source.frames = [b"x"] * 6
    line.run(0.03)
    line.sink.connected = False
    line.run(3)
    assert len(line.source.frames) == 4
    line.sink.connected = True
    line.run(1)
    assert len(line.sink.times(VOICED)) == 6
    # A new connection knows nothing of the old one's ring; nor was anything late that could not be sent.
    assert line.sink.ring == [True, False, True, False]
    assert line.sender.timing.late == 0


def test_listeners_learn_of_our_stream_before_its_first_frame() -> None:
    line = Line()
    line.sink.connected = False
    line.run(1)
    assert line.sink.ring == []
    line.sink.connected = True
    line.run(1)
    assert line.sink.ring == [False]
    assert line.sink.journal == []


@given(delays=st.lists(st.floats(0, 0.09), min_size=1, max_size=200))
def test_the_beat_never_drifts_and_counts_what_is_late(delays: list[float]) -> None:
    clock, began = FrameClock(), 50.0
    clock.start(began)
    clock.tick(began)
    late = 0
    now = began
    for number, delay in enumerate(delays, start=1):
        now = max(now, clock.due) + delay
        behind = now - (began + number * FRAME_SECONDS)
        # The two clocks add in a different order: right at the limit each may round to another side.
        assume(abs(behind - FRAME_SECONDS) > 1e-9)
        late += behind > FRAME_SECONDS
        if now - clock.due > 0.1:
            return
        clock.tick(now)
        assert clock.due == pytest.approx(began + (number + 1) * FRAME_SECONDS)
    assert clock.late == late
    assert clock.sent == len(delays) + 1


def test_the_thread_wakes_for_a_frame_and_ends_when_told() -> None:
    line = Line()
    line.sender.start()
    line.source.frames.append(b"x")
    line.source.wake()
    assert line.sink.sent.wait(5)
    line.sender.end()
    assert not line.sender.is_alive()
    assert line.sink.ring[-1] is False


def test_a_thread_that_is_ended_at_any_moment_ends() -> None:
    for _ in range(300):
        line = Line()
        line.sender.start()
        line.source.wake()
        ending = threading.Thread(target=line.sender.end, daemon=True)
        ending.start()
        ending.join(5)
        assert not line.sender.is_alive()


def test_a_thread_that_waits_is_woken_at_once() -> None:
    delays = []
    for _ in range(15):
        source, sink = Source(), Sink(time.monotonic)
        sender = FrameSender(source, sink)
        sender.start()
        assert sink.told.wait(5)
        source.frames.append(b"x")
        asked = time.monotonic()
        source.wake()
        assert sink.sent.wait(5)
        delays.append(sink.times(VOICED)[0] - asked)
        sender.end()
    assert median(delays) < 0.005
