"""A stopped text ends immediately, and none of its sound is in the next text."""

from __future__ import annotations

import random
import statistics
import threading
import time

import numpy as np
import pytest

from audio.samples import Samples
from benchmarks.random_xtts import HIGH, LOW
from tests.xtts.speaking import TEXT, hear, skip_without_libraries
from tts_server.engines.xtts.engine import XttsEngine
from wire.parameters import SpeechParameters

skip_without_libraries()

ROUNDS = 200
LATEST = 0.25


def speak_until(engine: XttsEngine, voice: str, moment: float) -> tuple[list[Samples], float]:
    """Stop after ``moment`` seconds; return the sound until then, and the seconds until the engine has returned."""
    stop = threading.Event()
    stopped_at: list[float] = []

    def end() -> None:
        stopped_at.append(time.monotonic())
        stop.set()

    timer = threading.Timer(moment, end)
    timer.start()
    heard = list(engine.synthesize(TEXT, engine.resolve(voice, None), SpeechParameters(), stop))
    returned_at = time.monotonic()
    timer.join()
    return heard, returned_at - stopped_at[0]


@pytest.mark.timeout(300)
def test_two_hundred_stops_at_random_moments_leave_nothing_behind(engine: XttsEngine) -> None:
    moments = random.Random(5)
    lags = []
    interrupted = 0
    for number in range(ROUNDS):
        voice, side = ((HIGH, 1), (LOW, -1))[number % 2]
        heard, lag = speak_until(engine, voice, moments.uniform(0, LATEST))
        assert all((side * piece > 0).all() for piece in heard), f"round {number}: a sample of the voice before"
        if lag > 0:
            lags.append(lag)
            interrupted += 1
    assert interrupted > ROUNDS / 2
    assert statistics.median(lags) < 0.05
    assert hear(engine, voice=HIGH).min() > 0


def test_nothing_is_left_of_a_text_whose_listener_stops_listening(engine: XttsEngine) -> None:
    for _ in range(5):
        speaking = engine.synthesize(TEXT, engine.resolve(HIGH, None), SpeechParameters(), threading.Event())
        next(speaking)
        speaking.close()
        assert hear(engine, voice=LOW).max() < 0


def test_a_text_that_is_stopped_before_it_began_is_not_spoken(engine: XttsEngine) -> None:
    stop = threading.Event()
    stop.set()
    assert list(engine.synthesize(TEXT, engine.resolve(None, None), SpeechParameters(), stop)) == []


def test_a_text_that_is_stopped_while_it_waits_does_not_delay_the_next(engine: XttsEngine) -> None:
    stop = threading.Event()
    first = engine.synthesize(TEXT, engine.resolve(HIGH, None), SpeechParameters(), stop)
    heard = [next(first)]
    threading.Timer(0.02, stop.set).start()
    waiting = list(engine.synthesize(TEXT, engine.resolve(LOW, None), SpeechParameters(), stop))
    assert waiting == [] or np.concatenate(waiting).max() < 0
    heard += list(first)
    assert hear(engine, voice=LOW).max() < 0
