"""Measures the gaps in long answers that the page plays."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from audio.pcm import from_pcm16
from audio.samples import Samples
from benchmarks.browser.call import PageCall
from benchmarks.browser.late_proxy import LateProxy
from benchmarks.browser.recording import AUDIBLE
from benchmarks.errors import MeasurementError
from benchmarks.measured_call import no_collections, tokens_of
from benchmarks.stand_in_model import StandInModel
from bot.voice.browser.server_messages import DOWN_RATES
from bot.voice.turn import Outcome

ANSWER_MINUTES = 4.0
SENTENCE = "This answer goes on and on and on, and there is no pause in the tone that says it."
LETTERS_PER_MINUTE = 1007
"""The stand-in voice says about this many letters a minute, at the speed that the bot asks for."""
FIRST_TOKEN, TOKENS_PER_SECOND = 0.15, 40.0
VOICE = {
    "TTS_ENGINE": "stand-in",
    "TTS_STAND_IN_FIRST_AUDIO_MS": "100",
    "TTS_STAND_IN_RTF": "0.2",
}
QUIET = 4 * AUDIBLE
"""A sound below this level is quiet. The stand-in voice's tone is below it for only 30 µs at a time."""
SHORTEST_GAP = 0.002
BLOCK = 0.01
"""Number of seconds by which the page changes its delay, in a quiet moment of the sound."""
COLLECT = 5.0
ANSWER_LIMIT = 60.0
"""Seconds that an answer may take beyond its length."""


@dataclass(frozen=True, slots=True)
class PlayOut:
    """The sound that one page played.

    Attributes:
        late_percent: the share of the messages that came 50 ms late.
        messages: the number of messages that the page got.
        late: how many of them came late.
        seconds: the length of the sound, in seconds.
        gaps: the length of each gap in it, in milliseconds: a quiet place that is not in what was sent.
        pauses: the length of each quiet place in what was sent, in milliseconds.
        missing: how much of the sound that was sent was not played, in milliseconds.
        page_underruns: how often the page's buffer ran empty.
        bot_underruns: how many frames of silence the bot has sent because its voice was late.
        skips: the length, in milliseconds, of each stretch of sound that the browser left out because it was too late.
        delay_ms: the delay of the page's buffer at the end, in milliseconds.
    """

    late_percent: float
    messages: int
    late: int
    seconds: float
    gaps: list[float]
    pauses: list[float]
    missing: float
    page_underruns: int
    bot_underruns: int
    skips: list[float]
    delay_ms: float


@dataclass(slots=True)
class _Answers:
    seconds: float = 0.0
    sent: float = 0.0
    underruns: int = 0
    gaps: list[float] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Quiet:
    """A quiet place in a sound: where it begins, and its length, in seconds."""

    at: float
    length: float


async def measure_play_out(
    folder: Path, minutes: float, late_percent: float, progress: Callable[[float], None]
) -> PlayOut:
    """Have the bot answer until this many minutes were played.

    Args:
        folder: the bot's data and log.
        late_percent: the share of the messages that come 50 ms late.
        progress: called with the minutes of each answer.

    Raises:
        MeasurementError: the bot did not answer.
    """
    count = math.ceil(minutes / ANSWER_MINUTES)
    length = minutes / count
    text = " ".join([SENTENCE] * round(length * LETTERS_PER_MINUTE / (len(SENTENCE) + 1)))
    model = StandInModel(tokens_of(text), first_token=FIRST_TOKEN, rate=TOKENS_PER_SECOND)
    async with model, LateProxy(late_percent / 100, seed=1) as proxy:
        settings = {"LLM_URL": model.url, **VOICE}
        async with PageCall(folder, settings, proxy=proxy) as call:
            answers = _Answers()
            with no_collections():
                for _ in range(count):
                    before = answers.seconds
                    await _answer(call, proxy, answers, 60 * length + ANSWER_LIMIT)
                    progress((answers.seconds - before) / 60)
            stats = await call.page.evaluate("seiyuu.speaker.stats")
            return PlayOut(
                late_percent,
                proxy.messages,
                proxy.late,
                round(answers.seconds, 2),
                answers.gaps,
                answers.pauses,
                round(1000 * (answers.sent - answers.seconds) + sum(answers.gaps), 1),
                stats["underruns"],
                answers.underruns,
                [_milliseconds(skip) for skip in call.played.skips],
                stats["targetMs"],
            )


async def _answer(call: PageCall, proxy: LateProxy, answers: _Answers, limit: float) -> None:
    await call.silence()
    call.played.forget()
    proxy.sound.clear()
    await call.type("Go on.")
    ending = asyncio.create_task(call.reply_ended(limit), name="answer")
    while not ending.done():
        await asyncio.wait([ending], timeout=COLLECT)
        await call.played.collect()
    ended = ending.result()
    if ended.trace.outcome is not Outcome.SPOKEN:
        raise MeasurementError(f"an answer was {ended.trace.outcome.value}, not spoken")
    await call.silence()
    sound, sent = voiced(call.played.since(0)), voiced(from_pcm16(bytes(proxy.sound)))
    answers.seconds += len(sound) / call.played.rate
    answers.sent += len(sent) / DOWN_RATES[0]
    answers.underruns += ended.trace.underruns
    own = await asyncio.to_thread(quiet_places, sent, DOWN_RATES[0])
    answers.pauses += [_milliseconds(quiet.length) for quiet in own]
    answers.gaps += gaps(await asyncio.to_thread(quiet_places, sound, call.played.rate), own)


def voiced(sound: Samples) -> Samples:
    """The sound without the silence around it."""
    audible = np.flatnonzero(np.abs(sound) >= AUDIBLE)
    return sound[audible[0] : audible[-1] + 1] if len(audible) else sound[:0]


def quiet_places(sound: Samples, rate: int) -> list[Quiet]:
    """The quiet places in a tone."""
    loud = np.flatnonzero(np.abs(sound) >= QUIET)
    breaks = np.diff(loud)
    wide = breaks >= SHORTEST_GAP * rate
    places = zip(loud[:-1][wide], breaks[wide], strict=True)
    return [Quiet(float(at) / rate, float(length) / rate) for at, length in places]


def gaps(played: Sequence[Quiet], sent: Sequence[Quiet]) -> list[float]:
    """The length in milliseconds of each quiet place in what was played that is not in what was sent.

    The page makes a quiet place :data:`BLOCK` longer or shorter where its delay has to change. Each gap and each such
    change shifts all sound that comes after it.
    """
    found, moved, left = list[float](), 0.0, list(sent)
    for quiet in played:
        own = next((each for each in left if abs(each.at + moved - quiet.at) < BLOCK), None)
        more = quiet.length if own is None else quiet.length - own.length
        if own is not None:
            left.remove(own)
        if own is None or more > BLOCK + SHORTEST_GAP:
            found.append(_milliseconds(more))
        moved += more
    return found


def _milliseconds(seconds: float) -> float:
    return round(1000 * seconds, 1)
