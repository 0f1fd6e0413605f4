"""Tests of the echo detector with simulated loudspeakers and rooms. espeak-ng speaks for the bot and for people."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.level import at_level
from audio.samples import HEARING_RATE, Sound16
from benchmarks.echo import answers
from benchmarks.echo_music import DELAY, WEAKER_DB, frames, make_music_scene
from benchmarks.echo_scenes import BOT_VOICES, PEOPLES_VOICES, Scene, make_echo, make_scene, stretches
from benchmarks.end_of_turn_speech import SentenceSpeaker
from bot.voice.echo.detector import EchoDetector
from bot.voice.echo.gate import TurnEcho
from sandbox.speech import ADA, SPEECH_LEVEL, RepeatableEspeak

FRAME = HEARING_RATE // 50
QUESTION = "Do you remember what we said about the holidays last summer?"
SCENES, ROOMS = 5, 48
BEGIN = 100.0
"""The monotonic time at which a scene begins."""


@functools.cache
def first_scenes(count: int) -> tuple[Scene, ...]:
    earlier = first_scenes(count - 1) if count > 1 else ()
    return (*earlier, make_scene(RepeatableEspeak(), count - 1, seed=7))


@pytest.fixture(scope="module", params=[4, pytest.param(SCENES, marks=pytest.mark.slow)])
def scenes(request: pytest.FixtureRequest) -> Sequence[Scene]:
    return first_scenes(request.param)


@pytest.fixture(scope="module")
def rooms() -> list[Scene]:
    """So many echoes that the noise in espeak-ng's voices and the rounding of a processor hardly change the results."""
    whole = first_scenes(SCENES)
    return [*whole, *(make_echo(RepeatableEspeak(), number, seed=7) for number in range(SCENES, ROOMS))]


def share_taken_for_echo(scenes: Sequence[Scene], kind: str, seconds: float) -> float:
    random = np.random.default_rng(7)
    echoes = [echo for scene in scenes for echo, _ in answers(scene, kind, seconds, random)]
    assert len(echoes) >= 40
    return float(np.mean(echoes))


@pytest.mark.slow
def test_most_echoes_are_detected_after_130_ms_and_nearly_all_after_300(rooms: list[Scene]) -> None:
    # The share of a single room lies between 0.36 and 1, so a few rooms would prove little.
    assert share_taken_for_echo(rooms, "echo", 0.13) >= 0.65
    assert share_taken_for_echo(rooms, "echo", 0.3) >= 0.9


@pytest.mark.parametrize("kind", ["person", "person over an echo", "the bot's own voice, other words"])
def test_people_who_speak_while_the_bot_does_are_no_echo(scenes: Sequence[Scene], kind: str) -> None:
    assert share_taken_for_echo(scenes, kind, 0.3) <= 0.02


def listen(scene: Scene, heard: Sound16, detector: EchoDetector, *, since: float) -> list[bool]:
    """Play a scene; returns, for every 100 ms after ``since`` seconds, whether the newest 400 ms are an echo."""
    results = []
    for end in range(FRAME, min(len(scene.sent), len(heard)), FRAME):
        sent = scene.sent[end - FRAME : end]
        if sent.any():
            detector.played(sent, BEGIN + (end - FRAME) / HEARING_RATE)
        if end >= since * HEARING_RATE and end % (5 * FRAME) == 0:
            newest = heard[max(0, end - HEARING_RATE * 4 // 10) : end]
            results.append(detector.is_echo(1, newest, BEGIN + end / HEARING_RATE))
    return results


def first_voiced(sound: Sound16) -> float:
    """Seconds until the first voiced sample."""
    return int(np.argmax(np.abs(sound) > 0.05)) / HEARING_RATE


@pytest.mark.slow
def test_the_echo_of_a_long_answer_still_counts_as_echo_in_its_pauses(rooms: list[Scene]) -> None:
    # The share of a single room lies between 0.95 and 1, that of all rooms between 0.987 and 0.991.
    results = [
        result
        for scene in rooms
        for result in listen(scene, scene.echo, EchoDetector(), since=first_voiced(scene.echo) + 0.2)
    ]
    assert np.mean(results) >= 0.98


def test_a_person_with_loudspeakers_can_interrupt(scenes: Sequence[Scene]) -> None:
    """In the second half of the scene the person talks over the echo."""
    for scene in scenes:
        half = len(scene.sent) // 2
        heard = np.concatenate([scene.echo[:half], scene.both[half:]])
        assert all(listen(scene, scene.echo[:half], EchoDetector(), since=half / HEARING_RATE - 0.5))
        results = listen(scene, heard, EchoDetector(), since=half / HEARING_RATE)
        # In the person's pauses, only the echo is heard.
        assert results.count(False) >= len(results) // 3


def test_a_person_who_speaks_just_when_the_bot_has_begun_is_no_echo() -> None:
    """The playback is held after the bot's first syllable, which resembles the beginnings and ends of many words."""
    library, taken = RepeatableEspeak(), list[bool]()
    for number, voice in enumerate(PEOPLES_VOICES):
        said, begun = (
            SentenceSpeaker(library, speaker).say([words], [], 0.3).sound[::3].astype(np.float32)
            for speaker, words in ((voice, QUESTION), (BOT_VOICES[number % len(BOT_VOICES)], "A toad has dry skin."))
        )
        begun = begun[round(first_voiced(begun) * HEARING_RATE) :]
        for start in range(0, len(said) - HEARING_RATE, HEARING_RATE // 10):
            for sent in (0.02, 0.04, 0.06):
                detector = EchoDetector()
                detector.played(begun[: round(sent * HEARING_RATE)], BEGIN)
                heard = (said[start : start + round(length * HEARING_RATE)] for length in (0.2, 0.4))
                taken += [detector.is_echo(1, each, BEGIN + 0.3 + len(each) / HEARING_RATE) for each in heard]
    assert len(taken) > 500
    assert np.mean(taken) <= 0.002


def test_nothing_is_an_echo_while_the_bot_is_silent(scenes: Sequence[Scene]) -> None:
    scene = scenes[0]
    detector = EchoDetector()
    end = round((first_voiced(scene.echo) + 0.4) * HEARING_RATE)
    newest = scene.echo[end - 6_400 : end]
    assert not detector.is_echo(1, newest, BEGIN)
    detector.played(scene.sent[:end], BEGIN)
    assert detector.is_echo(1, newest, BEGIN + end / HEARING_RATE)
    assert not detector.is_echo(2, newest, BEGIN + end / HEARING_RATE + 3.0)


def test_the_quiet_end_of_an_echo_counts_as_echo_only_for_the_person_who_sent_the_echo(scenes: Sequence[Scene]) -> None:
    scene = scenes[0]
    detector = EchoDetector()
    end = round((first_voiced(scene.echo) + 0.5) * HEARING_RATE)
    detector.played(scene.sent[:end], BEGIN)
    at = BEGIN + end / HEARING_RATE
    assert detector.is_echo(1, scene.echo[end - 6_400 : end], at)
    quiet = np.random.default_rng(7).normal(0, 0.001, 6_400).astype(np.float32)
    assert detector.is_echo(1, quiet, at + 0.3)
    assert not detector.is_echo(2, quiet, at + 0.3)
    assert not detector.is_echo(1, quiet, at + 5.0)
    detector.forget(1)
    assert not detector.is_echo(1, quiet, at + 0.3)


def test_a_pause_between_words_over_the_echo_of_a_song_is_not_taken_for_the_quiet_end_of_the_echo() -> None:
    """The echo is still found beneath the beginning of the first word, which is much louder than the echo."""
    library = RepeatableEspeak()
    sent = 0.5 * frames(make_music_scene(library, 1, 3, seconds=8.0, sings=True).sent)
    echo = np.roll(sent, round(DELAY * 50), axis=0) * 10 ** (-WEAKER_DB / 20)
    echo += np.random.default_rng(7).normal(0, 0.0005, sent.shape)
    said = SentenceSpeaker(library, ADA).say(["I had pizza for lunch."], [], 0.0).sound
    words, ends = frames(at_level(said, SPEECH_LEVEL)), list[bool]()
    for begin in range(150, 330, 10):
        for begun in (2, 4, 6, 8):
            # Looks every 100 ms: two before the words, one after `begun` frames of them, three more, and the pause.
            first, pause = begin + begun - 10, begin + begun + 15
            heard = echo.astype(np.float32)
            heard[begin:pause] += words[: pause - begin]
            detector, looks = EchoDetector(), list[bool]()
            for number in range(pause + 6):
                now = BEGIN + number / 50
                if number >= first and (number - first) % 5 == 0:
                    looks.append(detector.is_echo(1, heard[number - 20 : number].ravel(), now))
                detector.played(sent[number], now)
            if looks[2] and not looks[-2]:
                ends.append(looks[-1])
    assert len(ends) >= 15
    assert np.mean(ends) <= 0.05


def through_stalls(seconds: float, random: np.random.Generator) -> list[float]:
    """The times at which a machine sends frames: it stalls about twice a second, and then catches up."""
    times = np.arange(0.0, seconds, 0.02)
    end = 0.0
    while (begin := end + random.exponential(0.5)) < seconds:
        end = begin + random.uniform(0.05, 0.2)
        times[(times >= begin) & (times < end)] = end
    return [float(at) for at in times]


def test_an_echo_is_detected_although_the_machine_stalls_while_the_loudspeakers_play_on(
    scenes: Sequence[Scene],
) -> None:
    results, random = [], np.random.default_rng(7)
    for scene in scenes:
        detector = EchoDetector()
        for number, at in enumerate(through_stalls(len(scene.sent) / HEARING_RATE, random)):
            begin, end = number * FRAME, (number + 1) * FRAME
            if scene.sent[begin:end].any():
                detector.played(scene.sent[begin:end], BEGIN + at)
            if end > HEARING_RATE * (first_voiced(scene.echo) + 0.4) and number % 5 == 0 and end < len(scene.echo):
                newest = scene.echo[end - HEARING_RATE * 4 // 10 : end]
                results.append(detector.is_echo(1, newest, BEGIN + at + 0.02))
    assert np.mean(results) >= 0.95


def through_buffer(echo: Sound16, sent_at: Sequence[float], buffered: float) -> list[Sound16]:
    """What a microphone hears in each 20 ms, from loudspeakers whose buffer holds ``buffered`` seconds at first.

    When the buffer is empty, they are silent until it holds as much again.
    """
    heard, plays_from, number = list[Sound16](), sent_at[0] + buffered, 0
    while number < len(sent_at):
        now = len(heard) * 0.02
        if plays_from <= now < sent_at[number]:
            plays_from = sent_at[number] + buffered
        playing = plays_from <= now
        heard.append(echo[number * FRAME : (number + 1) * FRAME] if playing else np.zeros(FRAME, np.float32))
        number += playing
    return heard


def test_an_echo_is_detected_although_everything_is_sent_later_after_a_stall_and_the_loudspeakers_play_on(
    scenes: Sequence[Scene],
) -> None:
    results, random = [], np.random.default_rng(7)
    for scene in scenes:
        count = min(len(scene.sent), len(scene.echo)) // FRAME
        stalls = np.where(random.random(count) < 0.02, random.uniform(0.06, 0.2, count), 0.0)
        sent_at = [0.02 * number + float(stalled) for number, stalled in enumerate(np.cumsum(stalls))]
        heard = through_buffer(scene.echo, sent_at, 0.25)
        detector, sent = EchoDetector(), 0
        for number in range(19, len(heard)):
            now = (number + 1) * 0.02
            while sent < count and sent_at[sent] + 0.02 <= now:
                detector.played(scene.sent[sent * FRAME : (sent + 1) * FRAME], BEGIN + sent_at[sent])
                sent += 1
            newest = heard[number - 19 : number + 1]
            plays = all(frame.any() for frame in newest) and now > first_voiced(scene.echo) + 0.65
            if number % 5 == 0 and plays:
                results.append(detector.is_echo(1, np.concatenate(newest), BEGIN + now))
    assert len(results) > 200
    assert np.mean(results) >= 0.95


def may_be_echo(detector: EchoDetector, sound: Sound16, at: float) -> bool:
    return detector.turn_echo(1, sound, at) is not TurnEcho.NO


def turns(scene: Scene, heard: Sound16, seconds: float) -> list[bool]:
    """Whether each stretch of speech in ``heard`` may be an echo. ``seconds`` is the length of the stretches."""
    results = []
    for end in stretches(heard, seconds, np.random.default_rng(7)):
        detector = EchoDetector()
        detector.played(scene.sent[:end], BEGIN)
        results.append(
            may_be_echo(detector, heard[end - round(seconds * HEARING_RATE) : end], BEGIN + end / HEARING_RATE)
        )
    assert results
    return results


def test_a_turn_is_always_suspected_if_it_is_an_echo_and_hardly_ever_if_a_person_spoke(scenes: Sequence[Scene]) -> None:
    persons = []
    for scene in scenes:
        assert all(turns(scene, scene.echo, 1.2))
        persons += turns(scene, scene.person, 1.2) + turns(scene, scene.same_voice, 1.2)
    assert np.mean(persons) <= 0.05


@pytest.mark.parametrize("pause", [0.5, 1.0, 2.0, 5.0, 60.0])
def test_a_person_who_repeats_words_of_the_bot_is_not_an_echo_even_soon_afterwards(pause: float) -> None:
    library = RepeatableEspeak()
    for number, person in enumerate(PEOPLES_VOICES):
        bot = BOT_VOICES[number % len(BOT_VOICES)]
        said, again = (
            SentenceSpeaker(library, voice).say([QUESTION], [], 0.3).sound[::3].astype(np.float32)
            for voice in (bot, person)
        )
        detector = EchoDetector()
        detector.played(said, BEGIN)
        at = BEGIN + (len(said) + len(again)) / HEARING_RATE + pause
        assert not may_be_echo(detector, again, at)


def test_a_sound_long_after_the_speech_of_the_bot_is_no_echo_but_a_short_one_still_may_be(
    scenes: Sequence[Scene],
) -> None:
    scene = scenes[0]
    detector = EchoDetector()
    end = round((first_voiced(scene.echo) + 2.0) * HEARING_RATE)
    detector.played(scene.sent[:end], BEGIN)
    at, turn = BEGIN + end / HEARING_RATE, scene.echo[end - 2 * HEARING_RATE : end]
    assert may_be_echo(detector, turn, at)
    assert not may_be_echo(detector, turn, at + 5.0)
    assert may_be_echo(detector, turn[-HEARING_RATE // 2 :], at + 5.0)
    assert not may_be_echo(EchoDetector(), turn, at)


@given(st.lists(st.tuples(st.integers(0, 4_000), st.floats(-5, 5)), max_size=8), st.integers(0, 8_000))
def test_any_lengths_and_times_get_an_answer(played: list[tuple[int, float]], length: int) -> None:
    random = np.random.default_rng(7)
    detector = EchoDetector()
    for samples, at in played:
        detector.played(random.normal(0, 0.1, samples).astype(np.float32), at)
    assert not detector.is_echo(1, random.normal(0, 0.1, length).astype(np.float32), 0.0)
    may_be_echo(detector, random.normal(0, 0.1, 4 * length).astype(np.float32), 0.0)
