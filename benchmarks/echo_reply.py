"""The echo of the bot's reply over its own music: whether it is taken for a person, and whether words are noticed.

The bot speaks one reply after another, and music plays beneath them, turned down as in a call. Both come back from a
person's loudspeakers, 200 ms late and 10 dB weaker. In the middle of each reply, the person begins to speak, and the
reply falls silent as soon as that is noticed. Each scene is played without the person's words as well. If the bot then
takes the echo for a turn of the person, this turn holds the reply until it is over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from audio.level import at_level
from audio.samples import HEARING_RATE, Sound16
from benchmarks.echo_music import DELAY_FRAMES, FRAME, MUSIC_LEVEL, PERSON, ROOM_NOISE, SPEECH_LEVEL, WEAKER_DB, frames
from benchmarks.echo_room import Room, SpeechState, through_opus
from benchmarks.echo_scenes import BOT_VOICES, ENGLISH, PEOPLES_VOICES
from benchmarks.end_of_turn_speech import Espeak, SentenceSpeaker
from benchmarks.speakers.bank import SPEAKERS, bank
from benchmarks.speakers.natural import NaturalSpeech, SpeakerLine
from benchmarks.speakers.weights import kokoro_files
from bot.voice.echo.detector import EchoDetector
from bot.voice.echo.gate import EchoGate
from bot.voice.echo.mute import EchoMute
from bot.voice.frames import AudioFrame
from bot.voice.mixing.mixer import Ducking
from bot.voice.speech_watch import SpeechWatch
from bot.voice.turns.events import TurnDropped, TurnEnded, TurnEvent, TurnStarted
from bot.voice.turns.turns import TurnDetectors, TurnPolicy
from sandbox.speech import GuestVoice
from sandbox.speech_sounds import music
from sandbox.voice.opus import FRAME_SAMPLES, SAMPLE_RATE, Sound

VOICE_LEVEL = 0.1
"""RMS of the bot's voice."""
FIRST_REPLY, BETWEEN_REPLIES = 3.0, 4.0
"""Seconds of music before the first reply, and after each."""
INTO_A_REPLY = (2.0, 4.0)
"""Range of the time from a reply's beginning to the person's words, in seconds."""
SENTENCES = 4
"""Number of sentences in a reply."""
NOTICED = 1.5
"""A turn that begins at most this many seconds after the person's first sample is theirs."""
AFTER_WORDS = 4.0
"""A scene goes on for this many seconds after the words, so that the turn with the words can end."""
HELD_FRAMES = 2
"""Frames that still go out between the beginning of a turn and the hold of the reply."""
WITHOUT, MUSIC, SONG = MUSIC_KINDS = ("none", "music", "music with a voice")
REPLIES = 4
"""Number of replies in a scene of the benchmark."""
Say = Callable[[str], Sound]
"""Speaks a sentence in one voice: 48,000 Hz mono."""


@dataclass(frozen=True, slots=True, eq=False)
class ReplyScene:
    """Replies over music, the echoes of both, and words that interrupt the replies: frames of 20 ms at 16,000 Hz.

    The music is not turned down yet.

    Attributes:
        music, music_echo: the music as loud as while nobody speaks, and its echo.
        replies, reply_echoes: the sound of each reply, and its echo.
        words: the person's words, one sentence for each reply.
        begins: number of seconds from the beginning of each reply to that of the words.
    """

    music: Sound16
    music_echo: Sound16
    replies: Sequence[Sound16]
    reply_echoes: Sequence[Sound16]
    words: Sequence[Sound16]
    begins: Sequence[float]


@dataclass(slots=True)
class Interrupted:
    """What the bot made of a scene. In a call, a turn that begins holds the reply, and a turn that ends is transcribed.

    Attributes:
        holds: number of turns that began with nothing but echo. Each of them holds a reply if one is being spoken.
        echoed_turns: the turns that have ended with nothing but echo in them.
        noticed_after: seconds from the person's first sample to the turn that holds the reply; ``None`` for words that
            were not noticed in time.
        turns: the turns with the person's words; ``None`` for words whose turn has not ended.
    """

    holds: int = 0
    echoed_turns: list[TurnEnded] = field(default_factory=list)
    noticed_after: list[float | None] = field(default_factory=list)
    turns: list[TurnEnded | None] = field(default_factory=list)

    @property
    def noticed(self) -> list[float]:
        """For each of the person's words that were noticed in time: the seconds until then."""
        return [seconds for seconds in self.noticed_after if seconds is not None]


@dataclass(slots=True)
class ReplyRow:
    """The sums of all scenes with one kind of music, with echo or without.

    Attributes:
        music: one of :data:`MUSIC_KINDS`.
        loudspeakers: whether there is an echo.
        replies: number of replies that nobody interrupted.
        holds, turns: number of times that the echo of a reply has held the reply, and number of turns that ended with
            nothing but echo in them.
        words: number of sentences that interrupted replies.
        noticed: for each sentence that the bot noticed in time, the seconds from its beginning until then.
        heard: number of sentences whose turn has ended.
    """

    music: str
    loudspeakers: bool
    replies: int = 0
    holds: int = 0
    turns: int = 0
    words: int = 0
    noticed: list[float] = field(default_factory=list)
    heard: int = 0

    def add(self, alone: Interrupted, over: Interrupted) -> None:
        """Add what came of a scene that was played twice: without words, and with them."""
        self.replies += len(over.turns)
        self.holds += alone.holds
        self.turns += len(alone.echoed_turns)
        self.words += len(over.turns)
        self.noticed += over.noticed
        self.heard += sum(turn is not None for turn in over.turns)


@dataclass(frozen=True, slots=True)
class Voices:
    """Who speaks in a scene, and which sentences: the bot, the person, and a voice in the music."""

    say: tuple[Say, Say, Say]
    texts: tuple[Sequence[str], Sequence[str], Sequence[str]]


def espeak_voices(library: Espeak) -> Callable[[int], Voices]:
    """A function that returns the voices for a scene with a certain number. They are espeak-ng's."""

    def voices(number: int) -> Voices:
        bot, person = BOT_VOICES[number % len(BOT_VOICES)], PEOPLES_VOICES[number % len(PEOPLES_VOICES)]
        singer = PEOPLES_VOICES[(number + 2) % len(PEOPLES_VOICES)]
        return Voices((_saying(library, bot), _saying(library, person), _saying(library, singer)), (ENGLISH,) * 3)

    return voices


def _saying(library: Espeak, voice: GuestVoice) -> Say:
    speaker = SentenceSpeaker(library, voice)
    return lambda text: speaker.say([text], [], 0.0).sound


def natural_voices(cache: Path) -> Callable[[int], Voices]:
    """A function that returns the voices for a scene with a certain number. They are Kokoro's.

    The voices block. If nothing is cached, all their sentences take ten minutes.

    Raises:
        SpeakersError: the speakers can't be downloaded.
    """
    speech = NaturalSpeech(kokoro_files(cache / "kokoro"), cache / "speech")

    def lines(number: int) -> dict[str, SpeakerLine]:
        return {line.text: line for line in bank() if line.speaker == SPEAKERS[number % len(SPEAKERS)]}

    def saying(known: dict[str, SpeakerLine]) -> Say:
        return lambda text: speech.say(known[text])

    def voices(number: int) -> Voices:
        bot, person, singer = lines(number), lines(number + 3), lines(number + 7)
        return Voices((saying(bot), saying(person), saying(singer)), (list(bot), list(person), list(singer)))

    return voices


def measure_replies(
    policy: TurnPolicy, voices: Voices, number: int, seed: int, kind: str, loudspeakers: bool
) -> tuple[Interrupted, Interrupted]:
    """Play the scene with this number without words and with them."""
    scene = make_reply_scene(voices, number, seed, replies=REPLIES, sings=kind == SONG)
    alone, over = (
        interrupt(policy, scene, words=words, plays=kind != WITHOUT, loudspeakers=loudspeakers)
        for words in (False, True)
    )
    return alone, over


def make_reply_scene(
    voices: Voices,
    number: int,
    seed: int,
    *,
    replies: int,
    sings: bool,
    volume: float = 1.0,
) -> ReplyScene:
    """Make the scene with this number.

    Args:
        voices: who speaks.
        replies: number of replies.
        sings: whether there is a voice in the music.
        volume: volume of the music, 0 to 1.
    """
    random = np.random.default_rng([seed, number])
    bot_says, person_says, singer = voices.say
    by_bot, by_person, sung = ([each[at] for at in random.permutation(len(each))] for each in voices.texts)
    room = replace(Room.draw(random), delay=0.0)
    spoken = [at_level(_spoken(bot_says, by_bot, at * SENTENCES, random), VOICE_LEVEL) for at in range(replies)]
    seconds = FIRST_REPLY + sum(len(each) / SAMPLE_RATE + BETWEEN_REPLIES + 8.0 for each in spoken)
    played = at_level(music(seconds, seed=int(random.integers(1_000))), 0.1)
    if sings:
        song = np.concatenate([singer(text) for text in sung])
        played = played + at_level(np.resize(song, len(played)), float(random.uniform(0.05, 0.1)))
    played = at_level(played, MUSIC_LEVEL * volume)
    weaker = np.float32(10 ** (-WEAKER_DB / 20))

    def echoed(sound: Sound) -> Sound16:
        return frames(through_opus(room.echo(sound, random) * weaker))

    return ReplyScene(
        music=frames(played),
        music_echo=echoed(played),
        replies=[frames(each) for each in spoken],
        reply_echoes=[echoed(each) for each in spoken],
        words=[
            frames(through_opus(_whole_frames(at_level(person_says(by_person[at % len(by_person)]), SPEECH_LEVEL))))
            for at in range(replies)
        ],
        begins=[float(random.uniform(*INTO_A_REPLY)) for _ in range(replies)],
    )


def _spoken(say: Say, texts: Sequence[str], first: int, random: np.random.Generator) -> Sound:
    """Sentences with short pauses between them."""
    pieces: list[Sound] = []
    for at in range(SENTENCES):
        pause = np.zeros(int(random.uniform(0.15, 0.4) * SAMPLE_RATE), np.float32)
        pieces += [say(texts[(first + at) % len(texts)]), pause]
    return np.concatenate(pieces)


def _whole_frames(sound: Sound) -> Sound:
    return np.pad(sound, (0, -len(sound) % FRAME_SAMPLES))


class _Call:
    """The parts of a call's input thread, and its mixer, for one person with loudspeakers or with headphones."""

    def __init__(self, policy: TurnPolicy, scene: ReplyScene, *, plays: bool, loudspeakers: bool, seed: int) -> None:
        self.held = 0
        self.at = 0.0
        self._scene = scene
        self._plays = plays
        self._loudspeakers = loudspeakers
        self._detector = EchoDetector()
        self._turns = TurnDetectors(policy)
        self._ducking = Ducking(12.0)
        self._mute = EchoMute(self._detector)
        self._gate = EchoGate(self._mute)
        self._follower = SpeechState()
        self._watch = SpeechWatch(self._turns, self._gate, self._follower)
        self._random = np.random.default_rng(seed)
        self._number = 0
        self._on_the_way = [np.zeros(FRAME, np.float32)] * DELAY_FRAMES

    def step(self, reply: tuple[Sound16, Sound16] | None, words: Sound16 | None) -> list[TurnEvent]:
        """Let 20 ms pass.

        Args:
            reply: a frame of the reply, and one of its echo; ``None`` if the bot is silent.
            words: a frame of the person's words; ``None`` if the person is silent.
        """
        gain = np.float32(self._ducking.next(reply is not None or self._follower.speech)[1]) if self._plays else 0
        music, echo = (gain * sound[self._number % len(sound)] for sound in (self._scene.music, self._scene.music_echo))
        if reply is not None:
            music, echo = music + reply[0], echo + reply[1]
        self._on_the_way.append(np.asarray(echo, np.float32))
        sound = self._random.normal(0, ROOM_NOISE, FRAME).astype(np.float32)
        echo = self._on_the_way.pop(0)
        if self._loudspeakers:
            sound = sound + echo
        if words is not None:
            sound = sound + words
        if self._plays or reply is not None:
            self._detector.played(np.asarray(music, np.float32), self.at)
        if self._plays:
            self._mute.music_played(self.at)
        self._number += 1
        self.at = self._number * FRAME / HEARING_RATE
        # The person's packet comes when the frame ends.
        received = AudioFrame(PERSON, np.asarray(sound, np.float32), self.at)
        admitted = self._mute.process(received)
        events = self._gate.process_frame(received)
        detected = self._turns.process(admitted)
        if self._turns.deadline is not None and self._turns.deadline <= received.at:
            detected += self._turns.tick(received.at)
        for event in detected:
            events += self._gate.filter(event)
        self._watch.update(PERSON, received.at)
        return events


def interrupt(
    policy: TurnPolicy,
    scene: ReplyScene,
    *,
    words: bool,
    plays: bool = True,
    loudspeakers: bool = True,
    seed: int = 0,
) -> Interrupted:
    """Play a scene.

    Args:
        words: whether the person interrupts the replies.
        plays: whether there is music.
        loudspeakers: whether the bot's sound comes back.
    """
    call, found = _Call(policy, scene, plays=plays, loudspeakers=loudspeakers, seed=seed), Interrupted()
    _quiet(call, FIRST_REPLY, found)
    for number in range(len(scene.replies)):
        (_interrupted_reply if words else _one_reply)(call, scene, number, found)
        _quiet(call, BETWEEN_REPLIES, found)
    return found


def _quiet(call: _Call, seconds: float, found: Interrupted) -> None:
    """Let time pass in which nobody speaks."""
    for _ in range(_frames_in(seconds)):
        found.echoed_turns += [event for event in call.step(None, None) if isinstance(event, TurnEnded)]


def _one_reply(call: _Call, scene: ReplyScene, number: int, found: Interrupted) -> None:
    """Play one reply to its end. The person says nothing. A turn that begins holds the reply until the turn is over."""
    sounds = list(zip(scene.replies[number], scene.reply_echoes[number], strict=False))
    place, held_in, steps = 0, -1, 0
    while place < len(sounds) and steps < 2 * len(sounds):
        sounding = held_in != 0
        events = call.step(sounds[place] if sounding else None, None)
        place, held_in, steps = place + sounding, held_in - (held_in > 0), steps + 1
        for event in events:
            if isinstance(event, TurnStarted):
                found.holds += 1
                held_in = HELD_FRAMES
            elif isinstance(event, TurnDropped | TurnEnded):
                held_in = -1
        found.echoed_turns += [event for event in events if isinstance(event, TurnEnded)]


def _interrupted_reply(call: _Call, scene: ReplyScene, number: int, found: Interrupted) -> None:
    """Play one reply into which the person speaks. The reply falls silent as soon as the bot notices the words."""
    sounds = list(zip(scene.replies[number], scene.reply_echoes[number], strict=False))
    words, begin = scene.words[number], _frames_in(scene.begins[number])
    held_in, noticed_after, turn = -1, None, None
    for step in range(begin + len(words) + _frames_in(AFTER_WORDS)):
        sounding = step < len(sounds) and held_in != 0
        said = words[step - begin] if begin <= step < begin + len(words) else None
        events = call.step(sounds[step] if sounding else None, said)
        held_in -= held_in > 0
        for event in events:
            # The gate may have held the event back. What counts is when it passes the event on.
            seconds = (step + 1 - begin) * FRAME / HEARING_RATE
            if isinstance(event, TurnStarted) and seconds <= 0:
                found.holds += 1
            elif isinstance(event, TurnStarted) and noticed_after is None and seconds <= NOTICED:
                noticed_after, held_in = seconds, HELD_FRAMES
            elif isinstance(event, TurnEnded) and seconds > 0:
                turn = turn or event
            elif isinstance(event, TurnEnded):
                found.echoed_turns.append(event)
    found.noticed_after.append(noticed_after)
    found.turns.append(turn)


def _frames_in(seconds: float) -> int:
    return round(seconds * HEARING_RATE / FRAME)
