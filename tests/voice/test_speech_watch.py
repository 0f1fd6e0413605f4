"""Music gets out of the way of people's speech with their first voiced packets, and comes back when they pause."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
import soxr

from audio.level import rms, rms_of_frames
from audio.samples import HEARING_RATE, Sound16
from bot.voice.echo.detector import EchoDetector
from bot.voice.echo.gate import EchoGate
from bot.voice.frames import AudioFrame, PersonLeft, TransmissionEnded
from bot.voice.mixing.mixer import Mixer
from bot.voice.speech_watch import SpeechWatch
from bot.voice.turns.turns import TurnDetectors, TurnPolicy, load_turn_policy
from sandbox.speech import GUEST_VOICES, GuestVoice, speech
from sandbox.voice.opus import SAMPLE_RATE
from tests.e2e.talking import UTTERANCES
from tests.voice.mixing.sounds import ScriptedReply, level, stream_of, tone

ADA, BEN = 1, 2
PACKET = HEARING_RATE // 50
DUCK_WITHIN, BACK_WITHIN = 5, 30
"""After so many frames of 20 ms the music is quieter (100 ms), or back at its level (600 ms)."""
VOICED = 0.05
"""A sentence begins with the first 10 ms that have this share of the level of its loudest 10 ms."""
NOISE = 0.0005
"""Level of the noise of a microphone."""


@dataclass
class Room:
    """People, and a follower: it is told who speaks, as the mixer is. The test sets who is voiced or only an echo."""

    ducks: bool = True
    voiced: set[int] = field(default_factory=set)
    echoing: set[int] = field(default_factory=set)
    told: list[tuple[int, bool]] = field(default_factory=list)
    compared: int = 0

    def speaking(self, person: int) -> bool:
        return person in self.voiced

    def echoes(self, person: int, at: float) -> bool:
        self.compared += 1
        return person in self.echoing

    def speaks(self, person: int, speaking: bool) -> None:
        self.told.append((person, speaking))


def test_the_follower_is_told_once_when_a_person_begins_and_once_when_they_cease() -> None:
    room = Room(voiced={ADA})
    watch = SpeechWatch(room, room, room)
    watch.update(ADA, 1.0)
    watch.update(ADA, 1.02)
    watch.update(BEN, 1.03)
    room.voiced = {BEN}
    watch.update(ADA, 1.04)
    watch.update(BEN, 1.05)
    assert room.told == [(ADA, True), (ADA, False), (BEN, True)]


def test_a_person_who_only_echoes_does_not_count_as_speaking() -> None:
    room = Room(voiced={ADA}, echoing={ADA})
    watch = SpeechWatch(room, room, room)
    watch.update(ADA, 1.0)
    assert room.told == []
    room.echoing = set()
    watch.update(ADA, 1.02)
    room.echoing = {ADA}
    compared = room.compared
    watch.update(ADA, 1.04)
    assert room.compared == compared, "an echo is not looked for in each frame"
    watch.update(ADA, 1.12)
    assert room.told == [(ADA, True), (ADA, False)]


def test_nobody_speaks_any_more_when_the_music_is_over() -> None:
    room = Room(voiced={ADA})
    watch = SpeechWatch(room, room, room)
    watch.update(ADA, 1.0)
    room.ducks = False
    watch.update(ADA, 1.02)
    assert room.told == [(ADA, True), (ADA, False)]


class Listening:
    """A call's turn detectors, echo gate and mixer, in which music plays. Each packet comes just after a frame."""

    def __init__(self, policy: TurnPolicy) -> None:
        self.turns = TurnDetectors(policy)
        self.mixer = Mixer(ScriptedReply())
        self.mixer.add(stream_of(tone(600, 0.5)))
        self._gate = EchoGate(EchoDetector())
        self._watch = SpeechWatch(self.turns, self._gate, self.mixer)
        self._now = 100.0
        for _ in range(20):
            self.alone = self.frame()

    def frame(self) -> float:
        """The level of the next frame that people hear."""
        self._now += 0.02
        taken = self.mixer.take()
        assert taken is not None
        return level(taken)

    def packet(self, sound: Sound16) -> None:
        frame = AudioFrame(ADA, sound, self._now)
        for event in (*self._gate.process_frame(frame), *self.turns.process(frame)):
            self._gate.filter(event)
        self._watch.update(ADA, self._now)

    def hear(self, sound: Sound16) -> list[float]:
        """The levels of the frames that go out while these packets come: one after each packet, in dB."""
        levels = []
        for at in range(0, len(sound) - PACKET + 1, PACKET):
            self.packet(sound[at : at + PACKET])
            levels.append(20 * float(np.log10(self.frame() / self.alone)))
        return levels


@pytest.fixture(scope="module")
def policy() -> TurnPolicy:
    return load_turn_policy()


def spoken(text: str, voice: GuestVoice, seed: int) -> tuple[Sound16, int, int]:
    """A sentence with silence around it, and the numbers of its first and its last voiced packet."""
    said = np.asarray(soxr.resample(speech(text, voice), SAMPLE_RATE, HEARING_RATE), np.float32)
    random = np.random.default_rng(seed)
    before = HEARING_RATE // 2 + int(random.integers(PACKET))
    sound = np.pad(said, (before, HEARING_RATE))
    levels = rms_of_frames(sound, PACKET // 2)
    (voiced,) = np.nonzero(levels > VOICED * levels.max())
    noise = random.normal(0, NOISE, len(sound)).astype(np.float32)
    assert rms(noise) < VOICED * levels.max()
    return sound + noise, int(voiced[0]) // 2, int(voiced[-1]) // 2


@pytest.mark.parametrize("voice", GUEST_VOICES.values(), ids=GUEST_VOICES.keys())
def test_music_is_down_100_ms_after_a_person_begins_and_back_600_ms_after_they_end(
    policy: TurnPolicy, voice: GuestVoice
) -> None:
    for seed, text in enumerate(UTTERANCES):
        sound, first, last = spoken(text, voice, seed)
        levels = Listening(policy).hear(sound)
        assert max(levels[:first]) > -0.1, f"not before the first word of {text!r}"
        # The packet with the first voice comes just before frame `first`; the frame 100 ms later is the fifth after it.
        assert levels[first + DUCK_WITHIN - 1] == pytest.approx(-12, abs=0.05), text
        assert min(levels[last + BACK_WITHIN :]) > -0.1, text


def test_a_click_turns_music_down_for_a_moment_at_most(policy: TurnPolicy) -> None:
    listening = Listening(policy)
    sound = np.random.default_rng(1).normal(0, NOISE, HEARING_RATE).astype(np.float32)
    sound[4_000:4_040] += 0.5
    assert min(listening.hear(sound)[-5:]) > -0.1


def test_music_comes_back_after_a_person_who_stops_transmitting_or_leaves_within_a_word(policy: TurnPolicy) -> None:
    sound, first, _ = spoken(UTTERANCES[0], GUEST_VOICES["Ada"], 0)
    cut = sound[: (first + 10) * PACKET]
    for event in (TransmissionEnded(ADA, 200.0, announced=True), PersonLeft(ADA, 200.0)):
        listening = Listening(policy)
        assert listening.hear(cut)[-1] < -11
        listening.turns.process(event)
        listening._watch.update(ADA, event.at)
        back = [20 * np.log10(listening.frame() / listening.alone) for _ in range(BACK_WITHIN)]
        assert back[-1] > -0.1
