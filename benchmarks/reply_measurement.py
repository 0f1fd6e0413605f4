"""Drives the real bot through turns with a stand-in model and a stand-in voice, and takes the times of each."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.bare_clock_control import BareClockControl
from benchmarks.errors import MeasurementError
from benchmarks.stand_in_model import ModelTimes, StandInModel
from benchmarks.turn import Turn
from bot.child import bot_process
from bot.voice.events import CallEvent, ReplyEnded
from bot.voice.metrics import TurnTrace
from bot.voice.reply import Outcome
from sandbox.guest import Guest
from sandbox.server import Sandbox
from tts_server.engines.stand_in import StandInTiming

JOIN_LIMIT = 60.0
TURN_LIMIT = 120.0
TAIL_SECONDS = 0.1
"""Without a voiced packet for so long, the last one of a reply has come."""
PROMPT = "What do you think?"
FIRST_SENTENCE = "Well, that is a good question, and I am glad that you asked it today."
REPLY = (
    f"{FIRST_SENTENCE} There are many ways to look at it, but the simplest one is often the best. "
    "Let me think about it for a moment, and then we can go on from there."
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StandIns:
    """How fast the stand-ins are. Times in seconds, ``rate`` in tokens a second, ``real_time_factor`` per second."""

    first_token: float
    rate: float
    first_audio: float
    real_time_factor: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run took down. ``control`` holds the arrivals of the bare clock's packets, in monotonic seconds."""

    turns: list[Turn]
    control: list[float]


class ReplyMeasurement:
    """One run.

    Args:
        stand_ins: the engines' fixed times.
        folder: where the bot keeps its data; its log is ``bot.log`` in there.
        progress: called after each turn with how many turns and packets there are.
    """

    def __init__(self, stand_ins: StandIns, folder: Path, progress: Callable[[int, int], None]) -> None:
        self.log = folder / "bot.log"
        self._stand_ins = stand_ins
        self._data = folder / "data"
        self._timings = folder / "voice.jsonl"
        self._progress = progress
        self._ended: asyncio.Queue[TurnTrace] = asyncio.Queue()

    async def run(self, turns: int, packets: int) -> Measured:
        """Measure at least so many turns and so many packets.

        Raises:
            MeasurementError: the bot ended, did not join, or did not speak.
        """
        model = StandInModel(tokens_of(REPLY), first_token=self._stand_ins.first_token, rate=self._stand_ins.rate)
        async with (
            model,
            Sandbox() as sandbox,
            BareClockControl() as control,
            bot_process(self._settings(sandbox, model), self.log, self._watch) as bot,
        ):
            return await _while_alive(bot, self._measure(sandbox, model, control, turns, packets))

    def _settings(self, sandbox: Sandbox, model: StandInModel) -> dict[str, str]:
        return {
            "DISCORD_TOKEN": sandbox.bot_token,
            "DISCORD_API_URL": sandbox.api_url,
            "DISCORD_CA_FILE": str(sandbox.ca_file),
            "DATA_DIR": str(self._data),
            "LLM_URL": model.url,
            "TTS_BIND": "127.0.0.1:0",
            "TTS_ENGINE": "stand-in",
            "TTS_STAND_IN_FIRST_AUDIO_MS": str(1000 * self._stand_ins.first_audio),
            "TTS_STAND_IN_RTF": str(self._stand_ins.real_time_factor),
            "TTS_STAND_IN_TIMINGS": str(self._timings),
        }

    def _watch(self, event: CallEvent) -> None:
        if isinstance(event, ReplyEnded):
            self._ended.put_nowait(event.trace)

    async def _measure(
        self, sandbox: Sandbox, model: StandInModel, control: BareClockControl, turns: int, packets: int
    ) -> Measured:
        ada = await self._join(sandbox)
        # The first turn warms connections up and is not counted.
        await self._turn(sandbox, model, ada)
        measured: list[Turn] = []
        heard = 0
        control.begin()
        with _no_collections():
            while len(measured) < turns or heard < packets:
                turn = await self._turn(sandbox, model, ada)
                measured.append(turn)
                heard += len(turn.received)
                self._progress(len(measured), heard)
        return Measured(measured, control.stream())

    async def _join(self, sandbox: Sandbox) -> Guest:
        ada = await sandbox.add_guest("Ada")
        await ada.join_voice(sandbox.voice_channel)
        try:
            await sandbox.bot_online(JOIN_LIMIT)
            await sandbox.command_registered("join", JOIN_LIMIT)
            await ada.say(sandbox.text_channel, "!join")
            await ada.wait_for_message(sandbox.text_channel, lambda m: m.content.startswith("🎤 Joined"), JOIN_LIMIT)
        except TimeoutError as error:
            raise MeasurementError(f"the bot did not join within {JOIN_LIMIT:.0f} s") from error
        return ada

    async def _turn(self, sandbox: Sandbox, model: StandInModel, ada: Guest) -> Turn:
        bot, hearing = sandbox.bot_id, ada.voice.hearing
        prompt = await ada.say(sandbox.text_channel, PROMPT)
        try:
            async with asyncio.timeout(TURN_LIMIT):
                trace = await self._ended.get()
            await hearing.wait_for_silence(bot, TAIL_SECONDS, TURN_LIMIT)
        except TimeoutError as error:
            raise MeasurementError(f"the bot did not finish a reply within {TURN_LIMIT:.0f} s") from error
        if trace.outcome is not Outcome.SPOKEN:
            raise MeasurementError(f"a reply ended as {trace.outcome.value}, not as spoken")
        heard = [packet for packet in hearing.packets(bot) if packet.arrival > prompt.sent_at and not packet.silent]
        received = self._received(sandbox, prompt.sent_at)
        try:
            asked = next(times for times in model.times if times.requested >= prompt.sent_at)
            spoken = self._first_segment(prompt.sent_at)
            clause = asked.tokens_until(spoken.text.strip())
            sentence = asked.tokens_until(FIRST_SENTENCE)
            arrivals = tuple(received[packet.sequence] for packet in heard)
            first_heard = heard[0].arrival
        except (StopIteration, IndexError, KeyError, ValueError) as error:
            raise MeasurementError(f"a turn's times do not fit together: {error!r}") from error
        return Turn(
            sent=prompt.sent_at,
            model_asked=asked.requested,
            first_token=_written(asked, 1),
            clause_written=_written(asked, clause),
            clause_tokens=clause,
            sentence_written=_written(asked, sentence),
            voice_asked=spoken.received_at,
            first_audio=spoken.first_audio_at,
            received=arrivals,
            heard=first_heard,
            underruns=trace.underruns,
        )

    @staticmethod
    def _received(sandbox: Sandbox, since: float) -> dict[int, float]:
        """Each packet's arrival at the voice server, by its sequence number. In a turn nobody but the bot sends."""
        newest = takewhile(lambda entry: entry.received > since, reversed(sandbox.voice_server.relay.log))
        return {entry.sequence: entry.received for entry in newest}

    def _first_segment(self, since: float) -> StandInTiming:
        """What the stand-in voice noted of the first clause that it was asked for since then."""
        lines = self._timings.read_text(encoding="utf-8").splitlines()
        segments = (StandInTiming(**json.loads(line)) for line in lines)
        return next(segment for segment in segments if segment.received_at > since)


def tokens_of(text: str) -> list[str]:
    """A text in the pieces a model would stream: words with the blank in front of them."""
    first, *others = text.split(" ")
    return [first, *(f" {word}" for word in others)]


def _written(times: ModelTimes, count: int) -> float:
    return times.tokens[count - 1][1]


@contextmanager
def _no_collections() -> Iterator[None]:
    """Keep the garbage collector away: a pause of this process would show as a delay of the relay's."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def _while_alive(bot: asyncio.subprocess.Process, work: Coroutine[Any, Any, T]) -> T:
    """Do ``work``, but give up as soon as the bot ends."""
    working, ending = asyncio.create_task(work, name="measurement"), asyncio.create_task(bot.wait(), name="bot's end")
    try:
        await asyncio.wait([working, ending], return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise MeasurementError(f"the bot ended with status {ending.result()}")
        return working.result()
    finally:
        working.cancel()
        ending.cancel()
        await asyncio.gather(working, ending, return_exceptions=True)
