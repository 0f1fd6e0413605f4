"""Music's echo in a person's microphone: what turn detection and the echo gate make of it, and of words over it.

The music is synthetic, with a voice in it (espeak-ng's speech) or without. It gets quieter while the person speaks, as
in a call, and comes back after 200 ms, 10 dB weaker, from the loudspeaker of a room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import soxr

from audio.level import at_level
from audio.samples import HEARING_RATE, Sound16
from benchmarks.echo_room import Room, SpeechState, through_opus
from benchmarks.echo_scenes import BOT_VOICES, ENGLISH, PEOPLES_VOICES
from benchmarks.end_of_turn_speech import Espeak, SentenceSpeaker
from bot.voice.echo.detector import EchoDetector
from bot.voice.echo.gate import EchoGate
from bot.voice.echo.mute import EchoMute
from bot.voice.frames import AudioFrame
from bot.voice.mixing.mixer import Ducking
from bot.voice.speech_watch import SpeechWatch
from bot.voice.turns.events import SpeechPaused, TurnDropped, TurnEnded, TurnEvent, TurnStarted
from bot.voice.turns.turns import TurnDetectors, TurnPolicy
from sandbox.speech_sounds import music
from sandbox.voice.opus import FRAME_SAMPLES, SAMPLE_RATE, Sound

DELAY, WEAKER_DB = 0.2, 10.0
"""The echo's delay in seconds, and how much weaker it is than the music, in dB."""
MUSIC_LEVEL, SPEECH_LEVEL = 0.13, 0.07
"""RMS of music at a volume of 100 %, and of the person's words in their microphone."""
ROOM_NOISE = 0.0005
PERSON = 1
FIRST_WORDS, WORDS_EVERY = 6.0, 10.0
"""Seconds before the person's first sentence, and from the beginning of one sentence to that of the next."""
SHORT_WORDS = ("Stop.", "Yes, please.", "No.", "Skip it.", "Quiet.", "Why not?", "Okay.", "Who is that?")
SHORT_WORDS_EVERY = 5.0
"""Seconds from the beginning of one short answer to that of the next."""
LATE = 2.5
"""A turn still belongs to a sentence if its last voice came at most this many seconds after the sentence."""
FRAME = HEARING_RATE // 50
DELAY_FRAMES = round(DELAY * SAMPLE_RATE / FRAME_SAMPLES)


@dataclass(frozen=True, slots=True, eq=False)
class MusicScene:
    """Music, its echo at full level, and a person's words: mono, 48,000 Hz.

    Attributes:
        sent: the music as the bot sends it while nobody speaks.
        echo: its echo in the microphone.
        words: the person's words in the microphone.
        spoken: beginning and end of each of their sentences, in seconds.
    """

    sent: Sound
    echo: Sound
    words: Sound
    spoken: tuple[tuple[float, float], ...]


@dataclass(slots=True)
class Heard:
    """What the bot made of a microphone's sound.

    Attributes:
        events: the turn events that the gate let through.
        ducked: the share of the time for which music was quieter.
    """

    events: list[TurnEvent] = field(default_factory=list)
    ducked: float = 0.0

    @property
    def started(self) -> int:
        """Number of turns that have begun, each of which may hold the bot's voice for a moment."""
        return sum(isinstance(event, TurnStarted) for event in self.events)

    @property
    def ended(self) -> int:
        """Number of turns that would be transcribed and answered."""
        return sum(isinstance(event, TurnEnded) for event in self.events)

    def sentences(self, scene: MusicScene) -> int:
        """Number of the person's sentences for which there is a turn that was not dropped."""
        dropped = {event.turn for event in self.events if isinstance(event, TurnDropped)}
        voiced = [
            event.last_voiced_at
            for event in self.events
            if isinstance(event, SpeechPaused | TurnEnded) and event.turn not in dropped
        ]
        return sum(any(begin < at < end + LATE for at in voiced) for begin, end in scene.spoken)


def make_music_scene(
    library: Espeak,
    number: int,
    seed: int,
    *,
    seconds: float,
    sings: bool,
    volume: float = 1.0,
    sentences: Sequence[str] = (),
    every: float = WORDS_EVERY,
) -> MusicScene:
    """Make the scene with this number. With the same seed it differs only by what ``library`` makes of the words.

    Args:
        library: speaks the words.
        number, seed: what is drawn at random depends on these two.
        seconds: length of the scene.
        sings: True if there is a voice in the music.
        volume: volume of the music, 1 for 100 %.
        sentences: what the person says, one after the other; if empty, long sentences.
        every: seconds from the beginning of one sentence to that of the next.
    """
    random = np.random.default_rng([seed, number])
    said = [ENGLISH[index] for index in random.permutation(len(ENGLISH))]
    sent = at_level(music(seconds, seed=int(random.integers(1_000))), 0.1)
    if sings:
        singer = SentenceSpeaker(library, BOT_VOICES[number % len(BOT_VOICES)])
        song = singer.say(said[::2], list(random.uniform(0.1, 0.6, len(said[::2]) - 1)), 0.3).sound
        sent = sent + at_level(np.resize(song, len(sent)), float(random.uniform(0.05, 0.1)))
    sent = at_level(sent, MUSIC_LEVEL * volume)
    room = replace(Room.draw(random), delay=DELAY)
    echo = through_opus(room.echo(sent, random) * np.float32(10 ** (-WEAKER_DB / 20)))
    words, spoken = np.zeros_like(sent), []
    speaker = SentenceSpeaker(library, PEOPLES_VOICES[number % len(PEOPLES_VOICES)])
    sentences = sentences or said[1::2]
    for place, begin in enumerate(np.arange(FIRST_WORDS, seconds - every, every)):
        sentence = speaker.say([sentences[place % len(sentences)]], [], 0.0).sound
        at = round(begin * SAMPLE_RATE)
        words[at : at + len(sentence)] = at_level(sentence, SPEECH_LEVEL)[: len(words) - at]
        spoken.append((float(begin), float(begin) + len(sentence) / SAMPLE_RATE))
    return MusicScene(sent, np.pad(echo, (0, len(sent) - len(echo))), words, tuple(spoken))


def listen(policy: TurnPolicy, scene: MusicScene, *, words: bool, seed: int = 0) -> Heard:
    """Let the parts of a call's input thread hear a scene, with or without the person's words in it."""
    detector, turns, follower, ducking = EchoDetector(), TurnDetectors(policy), SpeechState(), Ducking(12.0)
    mute = EchoMute(detector)
    gate = EchoGate(mute)
    watch = SpeechWatch(turns, gate, follower)
    sent, echo, said = (frames(sound) for sound in (scene.sent, scene.echo, scene.words))
    noise = np.random.default_rng(seed).normal(0, ROOM_NOISE, echo.shape).astype(np.float32)
    heard, gains = Heard(), [1.0] * DELAY_FRAMES
    for number, frame in enumerate(sent):
        at = number * FRAME / HEARING_RATE
        gains.append(ducking.next(follower.speech)[1])
        detector.played(frame * np.float32(gains[-1]), at)
        mute.music_played(at)
        sound = echo[number] * np.float32(gains[number]) + noise[number] + (said[number] if words else 0)
        # The person's packet comes when the frame ends.
        received = AudioFrame(PERSON, sound, at + FRAME / HEARING_RATE)
        admitted = mute.process(received)
        heard.events += gate.process_frame(received)
        events = turns.process(admitted)
        if turns.deadline is not None and turns.deadline <= received.at:
            events += turns.tick(received.at)
        for event in events:
            heard.events += gate.filter(event)
        watch.update(PERSON, received.at)
    heard.ducked = float(np.mean(np.array(gains[DELAY_FRAMES:]) < 1))
    return heard


def frames(sound: Sound) -> Sound16:
    resampled = np.asarray(soxr.resample(sound, SAMPLE_RATE, HEARING_RATE), np.float32)
    return resampled[: len(resampled) // FRAME * FRAME].reshape(-1, FRAME)
