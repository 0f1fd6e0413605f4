"""The sender: when it sends frames, by a clock that the test moves, and how its thread wakes and ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import pairwise
from statistics import median

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from audio.samples import FRAME_SECONDS
from bot.voice.playback.sender import PRIMING_SECONDS, TAIL_FRAMES, FrameClock, FrameSender
from tests.timing import Clock

VOICED, SILENCE = "voiced", "silence"


class ListedFrames:
    """A source with the frames that a test has put into a list."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.making = False
        self.sounding = "r1"
        self.silence: list[bool] = []
        self.wake: Callable[[], None] = lambda: None
        self.reported: Callable[[], None] = lambda: None

    def take(self, *, silence: bool = True) -> bytes | None:
        self.silence.append(silence)
        return self.frames.pop(0) if self.frames else None

    def report(self) -> None:
        self.reported()


class Sink:
    """A sink that records each packet with its time, and in ``ring`` how the sign of speaking is switched."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.connected = True
        self.lead = 0.0
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


class SteppedSender:
    """A sender with a source, a sink and a clock. The test steps it by hand."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.source = ListedFrames()
        self.sink = Sink(self.clock)
        self.told: list[float] = []
        self.sender = FrameSender(self.source, self.sink, sent=lambda _, at: self.told.append(at), clock=self.clock)

    def run(self, seconds: float) -> None:
        """Advance the clock by this many seconds, and step the sender as its thread would."""
        end = self.clock.now + seconds
        while self.clock.now < end - 1e-9:
            pause = self.sender.step()
            if pause is None or self.clock.now + pause > end:
                self.clock.now = end
            else:
                self.clock.now += pause


@pytest.fixture
def stepped() -> SteppedSender:
    """A sender that has been connected for a second."""
    stepped = SteppedSender()
    stepped.run(1)
    stepped.sink.ring.clear()
    return stepped


def gaps(times: list[float]) -> list[float]:
    return [round(later - earlier, 6) for earlier, later in pairwise(times)]


def test_the_first_voiced_frame_is_sent_immediately_and_starts_the_clock(stepped: SteppedSender) -> None:
    stepped.run(1.2345)
    stepped.source.frames = [b"x"] * 50
    began = stepped.clock.now
    stepped.run(1.5)
    times = stepped.sink.times(VOICED)
    assert times[0] == began
    assert gaps(times) == [FRAME_SECONDS] * 49


def test_a_frame_is_sent_before_it_is_reported(stepped: SteppedSender) -> None:
    sent: list[int] = []
    stepped.source.reported = lambda: sent.append(len(stepped.sink.times(VOICED)))
    stepped.source.frames = [b"x"] * 3
    stepped.run(0.1)
    assert sent == [1, 2, 3]


def test_nothing_is_sent_without_frames(stepped: SteppedSender) -> None:
    stepped.run(60)
    assert stepped.sink.journal == []
    assert stepped.sink.ring == []


def test_the_speaking_sign_is_switched_on_with_the_first_frame_and_off_after_the_reply(stepped: SteppedSender) -> None:
    stepped.source.frames = [b"x"] * 3
    stepped.run(0.05)
    assert stepped.sink.ring == [True]
    stepped.run(1)
    assert stepped.sink.ring == [True, False]
    assert [what for what, _ in stepped.sink.journal] == [VOICED] * 3 + [SILENCE] * TAIL_FRAMES
    assert gaps([at for _, at in stepped.sink.journal]) == [FRAME_SECONDS] * (2 + TAIL_FRAMES)


def test_a_late_frame_is_counted_and_the_delay_caught_up(stepped: SteppedSender) -> None:
    stepped.source.frames = [b"x"] * 10
    stepped.run(0.06)
    stepped.clock.now += 0.055
    stepped.run(1)
    times = stepped.sink.times(VOICED)
    # The last frame is sent when it would have been sent without the stall.
    assert times[-1] == pytest.approx(times[0] + 9 * FRAME_SECONDS)
    assert stepped.sender.timing.late >= 1


def test_a_long_stall_restarts_the_clock_without_a_burst(stepped: SteppedSender) -> None:
    stepped.source.frames = [b"x"] * 10
    stepped.run(0.06)
    stepped.clock.now += 1.0
    stepped.run(1)
    assert sum(gap == 0 for gap in gaps(stepped.sink.times(VOICED))) == 0


def test_silence_ahead_of_a_reply_is_paced_and_bounded_and_shows_no_speaking_sign(stepped: SteppedSender) -> None:
    stepped.source.making = True
    stepped.run(10)
    times = stepped.sink.times(SILENCE)
    assert len(times) == round(PRIMING_SECONDS / FRAME_SECONDS)
    assert set(gaps(times)) == {FRAME_SECONDS}
    assert stepped.sink.ring == []


def test_silence_ahead_of_a_reply_does_not_delay_the_first_voiced_frame(stepped: SteppedSender) -> None:
    stepped.source.making = True
    stepped.run(0.25)
    stepped.clock.now += 0.007
    stepped.source.frames = [b"x"] * 5
    stepped.source.making = False
    began = stepped.clock.now
    stepped.run(0.5)
    assert stepped.sink.times(VOICED)[0] == began
    assert set(gaps(stepped.sink.times(VOICED))) == {FRAME_SECONDS}


def test_no_frame_is_taken_while_the_connection_is_down(stepped: SteppedSender) -> None:
    stepped.source.frames = [b"x"] * 6
    stepped.run(0.03)
    stepped.sink.connected = False
    stepped.run(3)
    assert len(stepped.source.frames) == 4
    stepped.sink.connected = True
    stepped.run(1)
    assert len(stepped.sink.times(VOICED)) == 6
    # A new connection starts without the ring that shows who speaks. Frames that could not be sent are not late.
    assert stepped.sink.ring == [True, False, True, False]
    assert stepped.sender.timing.late == 0


def test_the_stream_is_announced_to_listeners_before_its_first_frame() -> None:
    # Any message about the ring announces the stream, also the one that switches the ring off.
    stepped = SteppedSender()
    stepped.sink.connected = False
    stepped.run(1)
    assert stepped.sink.ring == []
    stepped.sink.connected = True
    stepped.run(1)
    assert stepped.sink.ring == [False]
    assert stepped.sink.journal == []


LEAD = 0.08


@pytest.fixture
def buffered(stepped: SteppedSender) -> SteppedSender:
    """The stepped sender, for listeners that have a buffer of 80 ms."""
    stepped.sink.lead = LEAD
    stepped.source.silence.clear()
    return stepped


def test_a_buffer_is_filled_at_once_and_kept_full(buffered: SteppedSender) -> None:
    buffered.source.frames = [b"x"] * 20
    began = buffered.clock.now
    buffered.run(1)
    after = [at - began for at in buffered.sink.times(VOICED)]
    assert after == pytest.approx([0] * 5 + [FRAME_SECONDS * number for number in range(1, 16)])
    assert buffered.sender.timing.late == 0


def test_a_frame_that_is_sent_ahead_is_reported_with_the_time_at_which_it_is_due(buffered: SteppedSender) -> None:
    buffered.source.frames = [b"x"] * 8
    began = buffered.clock.now
    buffered.run(1)
    assert [at - began for at in buffered.told] == pytest.approx([FRAME_SECONDS * number for number in range(8)])


def test_sound_that_comes_before_the_buffer_is_empty_is_sent_at_once(buffered: SteppedSender) -> None:
    buffered.source.frames = [b"x"] * 2
    began = buffered.clock.now
    buffered.run(0.03)
    buffered.source.frames = [b"x"] * 10
    buffered.run(1)
    after = [at - began for at in buffered.sink.times(VOICED)]
    assert after[:7] == pytest.approx([0, 0, 0.03, 0.03, 0.03, 0.03, 0.04])
    assert buffered.sink.ring == [True, True, False]


def test_silence_is_asked_for_when_the_buffer_is_empty(buffered: SteppedSender) -> None:
    buffered.source.frames = [b"x"] * 2
    buffered.run(0.039)
    assert True not in buffered.source.silence[1:]
    buffered.run(0.002)
    assert buffered.source.silence[-1]


def test_after_a_gap_within_a_reply_frames_are_sent_at_their_times_and_not_ahead(
    buffered: SteppedSender,
) -> None:
    buffered.source.frames = [b"x"] * 5
    buffered.run(3)
    buffered.source.frames = [b"x"] * 5
    buffered.run(1)
    assert gaps(buffered.sink.times(VOICED)[5:]) == [FRAME_SECONDS] * 4


def test_each_reply_fills_the_buffer(buffered: SteppedSender) -> None:
    for reply in ("r1", "r2"):
        buffered.source.sounding = reply
        buffered.source.frames = [b"x"] * 5
        buffered.run(3)
    assert gaps(buffered.sink.times(VOICED)[5:]) == [0] * 4


def test_a_reply_that_follows_another_does_not_overfill_the_buffer(buffered: SteppedSender) -> None:
    buffered.source.frames = [b"x"] * 10
    began = buffered.clock.now
    buffered.run(0.15)
    buffered.source.sounding = "r2"
    buffered.source.frames = [b"x"] * 10
    buffered.run(1)
    after = [at - began for at in buffered.sink.times(VOICED)]
    assert after[10:] == pytest.approx([0.15, 0.15] + [FRAME_SECONDS * number for number in range(8, 16)])


def test_after_a_lost_connection_frames_are_sent_at_their_times_and_not_ahead(buffered: SteppedSender) -> None:
    buffered.source.frames = [b"x"] * 12
    buffered.run(0.03)
    buffered.sink.connected = False
    buffered.run(0.02)
    buffered.sink.connected = True
    buffered.run(1)
    assert gaps(buffered.sink.times(VOICED)[6:]) == [FRAME_SECONDS] * 5


@given(delays=st.lists(st.floats(0, 0.09), min_size=1, max_size=200))
def test_the_clock_never_drifts_and_counts_late_frames(delays: list[float]) -> None:
    clock, began = FrameClock(), 50.0
    clock.start(began)
    clock.tick(began)
    late = 0
    now = began
    for number, delay in enumerate(delays, start=1):
        now = max(now, clock.due) + delay
        behind = now - (began + number * FRAME_SECONDS)
        # The test and the clock add in different orders, so at the very limit they may round differently.
        assume(abs(behind - FRAME_SECONDS) > 1e-9)
        late += behind > FRAME_SECONDS
        if now - clock.due > 0.1:
            return
        clock.tick(now)
        assert clock.due == pytest.approx(began + (number + 1) * FRAME_SECONDS)
    assert clock.late == late
    assert clock.sent == len(delays) + 1


def test_the_thread_wakes_for_a_frame_and_ends_on_request() -> None:
    stepped = SteppedSender()
    stepped.sender.start()
    stepped.source.frames.append(b"x")
    stepped.source.wake()
    assert stepped.sink.sent.wait(30)
    stepped.sender.end()
    assert not stepped.sender.is_alive()
    assert stepped.sink.ring[-1] is False


def test_a_thread_that_is_ended_at_any_moment_ends() -> None:
    for _ in range(300):
        stepped = SteppedSender()
        stepped.sender.start()
        stepped.source.wake()
        ending = threading.Thread(target=stepped.sender.end, daemon=True)
        ending.start()
        ending.join(30)
        assert not stepped.sender.is_alive()


def woken_after() -> float:
    """The seconds that pass on this machine between the setting of an event and the moment when the thread that waits
    for it runs.
    """
    waits, woken = threading.Event(), threading.Event()
    times: list[float] = []

    def wait() -> None:
        waits.set()
        woken.wait()
        times.append(time.monotonic())

    thread = threading.Thread(target=wait)
    thread.start()
    waits.wait()
    asked = time.monotonic()
    woken.set()
    thread.join()
    return times[0] - asked


def test_a_waiting_thread_is_woken_immediately() -> None:
    delays, usual = [], []
    for _ in range(15):
        source, sink = ListedFrames(), Sink(time.monotonic)
        sender = FrameSender(source, sink)
        sender.start()
        assert sink.told.wait(30)
        source.frames.append(b"x")
        asked = time.monotonic()
        source.wake()
        assert sink.sent.wait(30)
        delays.append(sink.times(VOICED)[0] - asked)
        sender.end()
        usual.append(woken_after())
    assert median(delays) < 0.005 + 3 * median(usual)
