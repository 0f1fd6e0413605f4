"""Helpers for tests in which people interrupt a story of the bot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from audio.level import rms
from bot.voice.events import PromptTaken, ReplyEnded
from bot.voice.turn import Outcome
from sandbox.guest import Guest
from sandbox.voice.audio_receiver import ReceivedPacket
from sandbox.voice.opus import FRAME_SAMPLES, Sound
from sandbox.voice.relay import RelayedPacket
from tests.e2e.conftest import LIMIT, Stage
from tests.e2e.scripted_model import Answer
from tests.e2e.talking import UTTERANCES, Since, check_whole, talk

BARGE_IN_LIMIT = 0.2
"""Maximum number of seconds for which the bot may go on with its story after somebody interrupts it.

The time begins when the voice server forwards the interrupter's first packet, and ends when the server receives the
story's last packet. The server's own delay does not count: it runs in the test's process, and is late on a
busy machine.
"""
STORY = "The lighthouse keeper counted every ship, and he wrote its name on the wall, and the wall grew very long."
ANSWER = "Very well."
LOUDNESS_PARTS = 60


def story_or_answer(line: str) -> Answer:
    """The script of the model: a story for Ada, a short answer for people who interrupt it."""
    return Answer(ANSWER if any(utterance in line for utterance in UTTERANCES) else STORY)


@dataclass(frozen=True, slots=True)
class Interruption:
    """An interruption as Ada heard it.

    Attributes:
        silent_after: seconds from the interrupter's first packet to the story's last packet; ``None`` if the bot
            was not speaking yet.
        heard: the words of the story that were heard.
    """

    silent_after: float | None
    heard: str


async def interrupt(stage: Stage, guest: Guest, utterance: str) -> Interruption:
    """A guest interrupts the story with an utterance. Returns when the guest was answered."""
    receiver, since, turns = stage.ada.voice.receiver, Since(stage), len(stage.traces)
    said, before = receiver.count(guest.id), receiver.count(stage.bot)
    await talk(guest, utterance)
    interrupted, answered = (await stage.turns(turns + 2))[turns:]
    assert (interrupted.outcome, answered.outcome) == (Outcome.INTERRUPTED, Outcome.SPOKEN)
    await receiver.wait_for_silence(stage.bot, 0.1, timeout=LIMIT)
    (*_, asked) = since.all(PromptTaken)
    packets = [packet for packet in receiver.packets(stage.bot)[before:] if not packet.silent]
    story = [packet for packet in packets if packet.arrival < asked.at]
    check_whole(answered, packets[len(story) :])
    cut, whole = since.all(ReplyEnded)
    assert cut.interrupted
    assert STORY.startswith(cut.heard)
    assert (whole.heard, whole.interrupted) == (ANSWER, False)
    began = _relayed(stage, guest.id, receiver.packets(guest.id)[said]).forwarded
    last = _relayed(stage, stage.bot, story[-1]).received if story else began
    return Interruption(last - began if last > began else None, cut.heard)


def _relayed(stage: Stage, user: int, packet: ReceivedPacket) -> RelayedPacket:
    """The voice server's record of a packet that Ada heard."""
    log = reversed(stage.sandbox.voice_server.relay.log)
    return next(noted for noted in log if (noted.user, noted.sequence) == (user, packet.sequence))


async def tell_story(stage: Stage) -> Sound:
    """Ada asks for the story. Returns the sound that she heard."""
    count, begin = len(stage.traces), stage.ada.voice.receiver.count(stage.bot)
    await stage.ask("A story!")
    await stage.turns(count + 1)
    await stage.ada.voice.receiver.wait_for_silence(stage.bot, 0.1, timeout=LIMIT)
    return stage.ada.voice.receiver.pcm(stage.bot, since=begin)


def same_words(one: Sound, other: Sound) -> bool:
    """Whether two recordings of the story have about the same length and loudness curve.

    Two runs of the synthesiser differ by one or two frames. The shortest word has seven.
    """
    alike = np.corrcoef(_loudness(one), _loudness(other))[0, 1]
    return abs(len(one) - len(other)) <= 3 * FRAME_SAMPLES and float(alike) > 0.9


def _loudness(sound: Sound) -> Sound:
    """The RMS level of equal parts of a recording, about 0.1 s each. The number of parts is always the same."""
    return np.array([rms(part) for part in np.array_split(sound, LOUDNESS_PARTS)], np.float32)
