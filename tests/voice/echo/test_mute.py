"""Music that comes back from a person's loudspeakers makes no turns, and their words over it do."""

from __future__ import annotations

import numpy as np
import pytest

from audio.samples import HEARING_RATE, Sound16
from benchmarks.echo_music import SHORT_WORDS, SHORT_WORDS_EVERY, listen, make_music_scene
from benchmarks.echo_reply import espeak_voices, interrupt, make_reply_scene
from bot.voice.echo.gate import TurnEcho
from bot.voice.echo.mute import AFTER_MUSIC, MUTE_CHECKS, RELEASE_CHECKS, EchoMute
from bot.voice.frames import AudioFrame
from bot.voice.turns.turns import TurnPolicy, load_turn_policy
from sandbox.speech import RepeatableEspeak

ADA = 1
FRAME = HEARING_RATE // 50
CHECK_FRAMES = 5
"""Frames of 20 ms from one check to the next."""


class Scripted:
    """An echo detector that finds an echo while the test says so."""

    echo = False

    def is_echo(self, person: int, sound: Sound16, at: float) -> bool:
        del person, sound, at
        return self.echo

    def turn_echo(self, person: int, sound: Sound16, at: float) -> TurnEcho:
        del person, sound, at
        return TurnEcho.CERTAIN if self.echo else TurnEcho.POSSIBLE


class Microphone:
    """A microphone whose samples count from 1, so that each can be found again."""

    def __init__(self, *, music: bool = True) -> None:
        self.detector = Scripted()
        self.mute = EchoMute(self.detector)
        self.music = music
        self.now = 100.0
        self.samples = 0

    def send(self, frames: int, *, delayed: bool = False) -> Sound16:
        """Send frames; returns what the turn detector gets of them. ``delayed`` is said of the first frame only."""
        admitted = []
        for _ in range(frames):
            self.now += 0.02
            if self.music:
                self.mute.music_played(self.now)
            sound = np.arange(self.samples, self.samples + FRAME, dtype=np.float32) + 1
            self.samples += FRAME
            admitted.append(self.mute.process(AudioFrame(ADA, sound, self.now, delayed=delayed)).sound)
            delayed = False
        return np.concatenate(admitted)

    def pause(self) -> None:
        """Transmit nothing for five seconds."""
        self.mute.transmission_ended(ADA)
        self.now += 5.0

    def muted_by_music(self) -> None:
        self.detector.echo = True
        self.send((MUTE_CHECKS + 1) * CHECK_FRAMES)


def test_a_person_without_loudspeakers_is_heard_unchanged() -> None:
    microphone = Microphone()
    assert np.array_equal(microphone.send(100), np.arange(1, 100 * FRAME + 1))


def test_without_music_the_echo_of_the_voice_is_left_to_the_echo_gate() -> None:
    microphone = Microphone(music=False)
    microphone.detector.echo = True
    assert microphone.send(100).all()
    assert microphone.mute.is_echo(ADA, np.ones(1, np.float32), microphone.now)


def test_the_echo_of_music_is_replaced_by_silence_until_the_music_has_died_away() -> None:
    microphone = Microphone()
    microphone.muted_by_music()
    assert not microphone.send(200).any()
    microphone.music = False
    frames = round(AFTER_MUSIC * 50)
    assert not microphone.send(frames - 1).any()
    assert microphone.send(2)[-FRAME:].all()


def test_words_over_the_echo_are_let_through_from_their_beginning() -> None:
    microphone = Microphone()
    microphone.muted_by_music()
    first = microphone.samples + 1
    microphone.detector.echo = False
    heard = microphone.send((RELEASE_CHECKS + 1) * CHECK_FRAMES)
    heard = heard[heard > 0]
    assert heard[0] <= first
    assert np.array_equal(heard, np.arange(heard[0], microphone.samples + 1)), "nothing is lost, nothing comes twice"
    assert not microphone.mute.is_echo(ADA, np.ones(1, np.float32), microphone.now)


def test_a_turn_is_certainly_an_echo_only_if_the_person_is_known_to_have_loudspeakers() -> None:
    microphone, sound = Microphone(), np.ones(1, np.float32)
    microphone.send(10)
    microphone.detector.echo = True
    assert microphone.mute.turn_echo(ADA, sound, microphone.now) is TurnEcho.POSSIBLE
    microphone.muted_by_music()
    assert microphone.mute.turn_echo(ADA, sound, microphone.now) is TurnEcho.CERTAIN


def test_nothing_is_lost_if_a_person_is_taken_for_an_echo_for_a_moment() -> None:
    microphone = Microphone()
    heard = [microphone.send(50)]
    microphone.detector.echo = True
    heard.append(microphone.send((MUTE_CHECKS + 1) * CHECK_FRAMES))
    microphone.detector.echo = False
    heard.append(microphone.send(50))
    everything = np.concatenate(heard)
    assert not everything.all(), "the person was muted for a moment"
    assert np.array_equal(everything[everything > 0], np.arange(1, microphone.samples + 1))


def test_a_few_checks_that_find_no_echo_let_nothing_through() -> None:
    microphone = Microphone()
    microphone.muted_by_music()
    for _ in range(10):
        microphone.detector.echo = False
        assert not microphone.send((RELEASE_CHECKS - 1) * CHECK_FRAMES).any()
        microphone.detector.echo = True
        assert not microphone.send(2 * CHECK_FRAMES).any()


def test_a_new_transmission_of_a_person_whose_echo_is_known_is_muted_at_first_and_a_short_answer_is_heard() -> None:
    microphone = Microphone()
    microphone.muted_by_music()
    microphone.pause()
    assert not microphone.send(20).any(), "still an echo"
    microphone.pause()
    microphone.detector.echo = False
    first = microphone.samples + 1
    heard = microphone.send(15)
    assert heard[heard > 0][0] == first, "within 0.3 s, from the first sample on"


def test_a_person_who_begins_to_transmit_is_not_let_through_before_two_checks_of_100_ms_and_200_ms() -> None:
    microphone = Microphone()
    microphone.muted_by_music()
    microphone.pause()
    microphone.detector.echo = False
    assert not microphone.send(9).any()
    microphone.detector.echo = True
    assert not microphone.send(20).any()


@pytest.mark.parametrize("seems_over", [False, True])
def test_a_person_whose_packets_come_late_is_not_heard_sooner_than_while_they_come_in_time(seems_over: bool) -> None:
    microphone = Microphone()
    microphone.muted_by_music()
    for _ in range(10):
        microphone.now += 0.3
        if seems_over:
            microphone.mute.transmission_ended(ADA)
        microphone.detector.echo = False
        assert not microphone.send((RELEASE_CHECKS - 1) * CHECK_FRAMES, delayed=seems_over).any()
        microphone.detector.echo = True
        assert not microphone.send(2 * CHECK_FRAMES).any()


@pytest.fixture(scope="module")
def policy() -> TurnPolicy:
    return load_turn_policy()


# 17 seconds hold one sentence, 40 hold three.
@pytest.mark.parametrize(
    ("number", "sings", "seconds", "sentences"),
    [
        (0, True, 17.0, 1),
        (3, False, 17.0, 1),
        *(pytest.param(*scene, 40.0, 3, marks=pytest.mark.slow) for scene in ((0, True), (1, True), (3, False))),
    ],
)
def test_music_from_loudspeakers_is_no_turn_and_words_over_it_are(
    policy: TurnPolicy, number: int, sings: bool, seconds: float, sentences: int
) -> None:
    scene = make_music_scene(RepeatableEspeak(), number, 3, seconds=seconds, sings=sings)
    alone = listen(policy, scene, words=False)
    assert alone.ended == 0, "nothing to transcribe or to answer"
    over = listen(policy, scene, words=True)
    assert over.sentences(scene) == len(scene.spoken) == sentences


@pytest.mark.parametrize(
    ("number", "sings", "seconds", "least"),
    [
        (0, True, 26.5, 3),
        *(pytest.param(number, True, 46.5, 5, marks=pytest.mark.slow) for number in range(4)),
    ],
)
def test_short_words_over_music_from_loudspeakers_are_turns(
    policy: TurnPolicy, number: int, sings: bool, seconds: float, least: int
) -> None:
    scene = make_music_scene(
        RepeatableEspeak(), number, 3, seconds=seconds, sings=sings, sentences=SHORT_WORDS, every=SHORT_WORDS_EVERY
    )
    assert listen(policy, scene, words=True).sentences(scene) >= least


@pytest.mark.slow
def test_one_of_six_sentences_over_other_songs_may_be_lost_and_no_song_is_a_turn(policy: TurnPolicy) -> None:
    heard = 0
    for number in (4, 5):
        scene = make_music_scene(RepeatableEspeak(), number, 3, seconds=40.0, sings=True)
        assert listen(policy, scene, words=False).ended == 0
        heard += listen(policy, scene, words=True).sentences(scene)
    assert heard >= 5


@pytest.mark.parametrize(
    ("number", "sings", "replies"),
    [
        (1, True, 1),
        *(pytest.param(*scene, 2, marks=pytest.mark.slow) for scene in ((0, True), (1, False))),
    ],
)
def test_replies_over_music_from_loudspeakers_are_not_held_by_their_echo_and_words_stop_them(
    policy: TurnPolicy, number: int, sings: bool, replies: int
) -> None:
    scene = make_reply_scene(espeak_voices(RepeatableEspeak())(number), number, 3, replies=replies, sings=sings)
    alone = interrupt(policy, scene, words=False)
    assert (alone.holds, alone.echoed_turns) == (0, [])
    over = interrupt(policy, scene, words=True)
    assert len(over.noticed) == len(scene.words) == replies
    assert None not in over.turns
