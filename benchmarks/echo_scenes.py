"""Scenes for echo detection: a microphone that receives the bot's echo, a person's speech, or both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import soxr

from audio.level import rms, rms_of_frames
from audio.samples import HEARING_RATE, Sound16
from benchmarks.echo_room import Room, Through, convolve, through_opus
from benchmarks.end_of_turn_sentences import SENTENCES
from benchmarks.end_of_turn_speech import Espeak, SentenceSpeaker
from sandbox.speech import GuestVoice
from sandbox.voice.opus import SAMPLE_RATE, Sound

BOT_VOICES = (
    GuestVoice("en-us+f3", 165, 55),
    GuestVoice("en-us", 175, 50),
    GuestVoice("English (Great Britain)+f2", 160, 45),
    GuestVoice("en-us+m3", 170, 40),
)
PEOPLES_VOICES = (
    GuestVoice("English (Great Britain)", 155, 35),
    GuestVoice("en-us+m4", 165, 60),
    GuestVoice("English (Scotland)+f1", 150, 60),
    GuestVoice("en-us+f4", 170, 50),
    GuestVoice("English (Caribbean)", 160, 45),
    GuestVoice("de+m2", 165, 50),
)
ENGLISH = tuple(sentence.plain for sentence in SENTENCES if sentence.language == "English")
SENTENCES_SAID = 4
LOUDER = (3.0, 12.0)
"""By how many dB a person is louder than the echo that is mixed with their speech."""
MIN_LOUDER = 3.0
"""A stretch counts as a person's if the person is at least this much louder than the echo, in dB."""
QUIET = 0.25
"""The level below which a sound has no speech, as a share of the whole sound's RMS."""
HOP = HEARING_RATE // 100
LEAD = 3


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """The bot's sound and the sounds of a microphone, at 16,000 Hz, with the same start.

    Attributes:
        room: the path of the echo.
        sent: the bot's sound.
        echo: the bot's echo alone.
        person: somebody else's speech.
        same_voice: other words in the bot's own voice.
        both: a person's speech over a weaker echo.
        person_alone, echo_alone: the two parts of ``both``.
    """

    room: Room
    sent: Sound16
    echo: Sound16
    person: Sound16
    same_voice: Sound16
    both: Sound16
    person_alone: Sound16
    echo_alone: Sound16


def make_scene(library: Espeak, number: int, seed: int, through: Through = through_opus) -> Scene:
    """Make the scene with this number. With the same seed it differs only by what ``library`` makes of the words.

    Args:
        through: the way of the sound in both directions.
    """
    random = np.random.default_rng([seed, number])
    bot, person = BOT_VOICES[number % len(BOT_VOICES)], PEOPLES_VOICES[number % len(PEOPLES_VOICES)]
    said = [ENGLISH[index] for index in random.permutation(len(ENGLISH))]
    room = Room.draw(random)
    sent, by_person, by_same_voice = (
        _say(SentenceSpeaker(library, voice), said[at * SENTENCES_SAID : (at + 1) * SENTENCES_SAID], random)
        for at, voice in enumerate((bot, person, bot))
    )
    near = replace(Room.draw(random), direct=random.uniform(3, 12))
    echo = room.echo(sent, random, through)
    spoken, same_voice = (_as_long(_into_microphone(sound, near, random), sent) for sound in (by_person, by_same_voice))
    weaker_echo = echo * np.float32(10 ** (-random.uniform(*LOUDER) / 20))
    return Scene(
        room,
        sent[: len(sent) // 3 * 3].reshape(-1, 3).mean(axis=1),
        *(_heard(through(sound)) for sound in (echo, spoken, same_voice, spoken + weaker_echo)),
        *(_heard(sound) for sound in (spoken, weaker_echo)),
    )


def make_echo(library: Espeak, number: int, seed: int) -> Scene:
    """Make a scene in which nobody but the bot speaks: all sounds of people are silence. This takes a quarter of the
    time of :func:`make_scene`.
    """
    random = np.random.default_rng([seed, number])
    said = [ENGLISH[index] for index in random.permutation(len(ENGLISH))][:SENTENCES_SAID]
    room = Room.draw(random)
    sent = _say(SentenceSpeaker(library, BOT_VOICES[number % len(BOT_VOICES)]), said, random)
    echo, near_bot = (
        _heard(through_opus(room.echo(sent, random))),
        sent[: len(sent) // 3 * 3].reshape(-1, 3).mean(axis=1),
    )
    silence = np.zeros_like(echo)
    return Scene(room, near_bot, echo, silence, silence, echo, silence, echo)


def stretches(sound: Sound16, seconds: float, random: np.random.Generator) -> Iterator[int]:
    """Yield the ends of stretches of speech, in samples: some begin with an utterance, some lie in the middle of one.

    The former begin :data:`LEAD` hops before the speech, as with microphones that open by themselves.
    """
    levels = rms_of_frames(sound, HOP)
    voiced = levels > QUIET * rms(sound)
    hops = round(seconds * 100)
    spoken = np.flatnonzero(np.convolve(voiced, np.ones(hops), "valid") >= 0.8 * hops)
    spoken = spoken[(spoken + hops) * HOP > HEARING_RATE]
    begins = [at - LEAD for at in spoken if voiced[at] and not voiced[max(0, at - 8) : at].any()]
    for at in (*begins, *random.choice(spoken, min(4, len(spoken)), replace=False)):
        yield (int(at) + hops) * HOP


def persons_stretch(scene: Scene, begin: int, end: int) -> bool:
    """Whether the person is clearly louder than the echo in a stretch."""
    person, echo = rms(scene.person_alone[begin:end]), rms(scene.echo_alone[begin:end])
    return person > echo * 10 ** (MIN_LOUDER / 20)


def _say(speaker: SentenceSpeaker, parts: Sequence[str], random: np.random.Generator) -> Sound:
    speech = speaker.say(parts, list(random.uniform(0.15, 0.5, len(parts) - 1)), 0.3)
    return np.concatenate([np.zeros(int(random.uniform(0.1, 1.0) * SAMPLE_RATE), np.float32), speech.sound])


def _into_microphone(sound: Sound, room: Room, random: np.random.Generator) -> Sound:
    """A voice near its microphone, with the room's reflections and noise."""
    wet = convolve(sound, room.response(random))
    wet *= rms(sound) / rms(wet)
    noise = random.normal(0, rms(wet) * 10 ** (-room.noise / 20), len(wet))
    return np.asarray(wet + noise, np.float32)


def _as_long(sound: Sound, other: Sound) -> Sound:
    return np.pad(sound, (0, max(0, len(other) - len(sound))))[: len(other)]


def _heard(sound: Sound) -> Sound16:
    return np.asarray(soxr.resample(sound, SAMPLE_RATE, HEARING_RATE), np.float32)
