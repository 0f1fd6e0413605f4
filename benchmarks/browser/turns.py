"""Says the same turns alternately in a call in the browser and in a call on the sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from types import MappingProxyType

import numpy as np

from audio.level import rms_of_frames
from benchmarks.browser.call import PageCall
from benchmarks.browser.recording import AUDIBLE
from benchmarks.end_of_turn_speech import VOICED_LEVEL
from benchmarks.errors import MeasurementError
from benchmarks.measured_call import TAIL_SECONDS, TURN_LIMIT, MeasuredCall, StandIns, no_collections
from benchmarks.spoken_microphones import OpenSpeaker
from benchmarks.stand_in_transcriber import StandInTranscriber
from benchmarks.turn_measurement import HEARD, MAX_CUT_OFF
from bot.voice.turn import Outcome
from sandbox.guest import Guest
from sandbox.guest_lines import recorded_lines
from sandbox.voice.opus import SAMPLE_RATE, Sound

STAND_INS = StandIns(first_token=0.15, rate=40.0, first_audio=0.1, real_time_factor=0.3)
TRANSCRIPTION = 0.25
"""The delay of the stand-in transcriber, in seconds."""
REPLY = "Well, that is a good question."
REAL: Mapping[str, str] = MappingProxyType(
    {"LLM_URL": "", "TTS_ENGINE": "", "PROFILE": "embedded", "WEIGHTS": "real", "STT_LANGUAGE": "en"}
)
LINES = ("capital", "memory", "colors", "agreed")
"""The lines that are said, one after another."""
GUEST = "Ada"
STEP = SAMPLE_RATE // 100


@dataclass(frozen=True, slots=True)
class Turn:
    """One answered turn.

    Attributes:
        line: name of the line that was said.
        first_audible: the time from the last voiced sample to the answer's first audible sample, in milliseconds.
        first_packet: the time from the last voiced sample to the answer's first packet, as the bot itself measures it,
            in milliseconds.
        delay: the delay of the page's play-out buffer, in milliseconds; 0 on the sandbox.
    """

    line: str
    first_audible: float
    first_packet: float
    delay: float = 0.0


class BrowserSide:
    """Says lines in the browser."""

    def __init__(self, call: PageCall) -> None:
        self._call = call

    async def turn(self, line: str, words: Sound) -> Turn | None:
        """Say a line and hear the answer. Returns ``None`` if the bot mistook a pause in the line for its end."""
        call = self._call
        await call.silence()
        call.played.forget()
        last = await call.say(words) + last_voiced(words)
        await call.said()
        is_cut_off = False
        while (ended := await call.reply_ended()).trace.outcome is Outcome.INTERRUPTED:
            is_cut_off = True
        await call.silence()
        if is_cut_off:
            return None
        first = call.played.audible_since(last)
        if first is None or ended.trace.first_packet is None:
            raise MeasurementError(f"the answer to {line!r} has no audible sound")
        delay = await call.page.evaluate("seiyuu.speaker.stats.targetMs")
        return Turn(line, 1000 * (first - last), ended.trace.first_packet, delay)


class SandboxSide:
    """Says the lines with an open microphone on the sandbox."""

    def __init__(self, call: MeasuredCall, guest: Guest, speaker: OpenSpeaker) -> None:
        self._call = call
        self._guest = guest
        self._speaker = speaker

    async def turn(self, line: str, words: Sound) -> Turn | None:
        """Say a line and hear the answer. Returns ``None`` if the bot mistook a pause in the line for its end."""
        receiver, bot = self._guest.voice.receiver, self._call.sandbox.bot_id
        since = receiver.count(bot)
        times = await self._speaker.say(words)
        is_cut_off = False
        while (trace := await self._call.reply_ended()).outcome is Outcome.INTERRUPTED:
            is_cut_off = True
        await receiver.wait_for_silence(bot, TAIL_SECONDS, TURN_LIMIT)
        if is_cut_off:
            return None
        voiced = [at for at in self._call.voiced(times.first_voiced) if at > times.last_voiced]
        audible = np.flatnonzero(np.abs(receiver.pcm(bot, since=since)) >= AUDIBLE)
        if not voiced or not len(audible) or trace.first_packet is None:
            raise MeasurementError(f"the answer to {line!r} has no audible sound")
        seconds = voiced[0] - times.last_voiced + int(audible[0]) / SAMPLE_RATE
        return Turn(line, 1000 * seconds, trace.first_packet)


def spoken_line(name: str) -> Sound:
    """A recorded line (48,000 Hz mono), up to its last voiced sample. Blocks."""
    words = recorded_lines()[name].read()
    return words[: int(last_voiced(words) * SAMPLE_RATE)]


def last_voiced(words: Sound) -> float:
    """The end of the last voiced 10 ms, in seconds. A turn in the browser counts from there. A turn on the sandbox
    counts from the beginning of the frame with the last voiced sample, since a frame is sent when it begins.
    """
    return (int(np.flatnonzero(rms_of_frames(words, STEP) >= VOICED_LEVEL)[-1]) + 1) * STEP / SAMPLE_RATE


async def measure_turns(
    folder: Path, count: int, progress: Callable[[], None], *, real: bool = False
) -> dict[str, list[Turn]]:
    """Measure ``count`` turns on each side. The sides alternate, so that other work of the machine disturbs both.

    Args:
        folder: data and logs.
        progress: called after each pair.
        real: use real engines instead of stand-ins.

    Returns:
        The turns of ``browser`` and ``sandbox``.

    Raises:
        MeasurementError: a bot ended, did not begin its call, or did not answer.
    """
    files = recorded_lines()
    words = {name: files[name].read() for name in LINES}
    measured: dict[str, list[Turn]] = {"browser": [], "sandbox": []}
    async with _sides(folder, real) as sides:
        # The first turn does not count: in it, the bot loads models, and learns how long the guest pauses.
        for side in sides.values():
            await _until_not_cut_off(side, LINES[0], words[LINES[0]])
        for _, line in zip(range(count), cycle(LINES), strict=False):
            with no_collections():
                for name, side in sides.items():
                    measured[name].append(await _until_not_cut_off(side, line, words[line]))
            progress()
    return measured


async def _until_not_cut_off(side: BrowserSide | SandboxSide, line: str, words: Sound) -> Turn:
    for _ in range(MAX_CUT_OFF):
        if (turn := await side.turn(line, words)) is not None:
            return turn
    raise MeasurementError(f"{line!r} was cut off {MAX_CUT_OFF} times")


@asynccontextmanager
async def _sides(folder: Path, real: bool) -> AsyncIterator[dict[str, BrowserSide | SandboxSide]]:
    """Both calls. They have the same stand-ins, or each its own real engines."""
    async with StandInTranscriber(HEARD, seconds=TRANSCRIPTION) as transcriber:
        ours = REAL if real else {"STT_URL": transcriber.url}
        settings = {"ANSWER_TO": "always", **ours}
        async with MeasuredCall(STAND_INS, REPLY, folder, settings) as call:
            (guest,) = await call.join(GUEST)
            engines = settings if real else {**settings, "LLM_URL": call.model.url, **STAND_INS.voice_settings}
            page = folder / "page"
            page.mkdir()
            async with OpenSpeaker(guest.voice, seed=1) as speaker, PageCall(page, engines, person=GUEST) as browser:
                yield {"browser": BrowserSide(browser), "sandbox": SandboxSide(call, guest, speaker)}
