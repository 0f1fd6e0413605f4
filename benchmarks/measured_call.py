"""The real bot in a call on the sandbox, with stand-in engines. Most benchmarks of calls on Discord use it."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import psutil

from benchmarks.bot_settings import own_folder_and_ports
from benchmarks.errors import MeasurementError
from benchmarks.stacked_context import StackedContext
from benchmarks.stand_in_model import StandInModel
from bot.bot_process import BOT, bot_process
from bot.voice.events import CallEvent, ReplyEnded, UtteranceHeard, WebReady
from bot.voice.metrics import ReplyTrace
from config.tasks import end_tasks
from sandbox.guest import Guest
from sandbox.server import Sandbox
from tts_server.engines.stand_in import StandInTiming

JOIN_LIMIT = 60.0
TURN_LIMIT = 120.0
TAIL_SECONDS = 0.1
"""Seconds without a voiced packet after which a reply counts as finished."""
AFTER_A_REPLY = 0.3
"""Seconds after the end of a reply until all its packets have certainly arrived. Used while music plays on, because no
silence follows the reply then."""
BOT_LOG = "bot.log"
NO_FURTHER_SETTINGS: Mapping[str, str] = MappingProxyType({})
"""No settings besides those for the sandbox and the stand-ins."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StandIns:
    """The speed of the stand-ins.

    Attributes:
        first_token: seconds from a request to the model's first token.
        rate: the model's tokens a second.
        first_audio: seconds from a clause to the voice's first sound.
        real_time_factor: the voice's seconds of computing for one second of sound.
    """

    first_token: float
    rate: float
    first_audio: float
    real_time_factor: float

    @property
    def voice_settings(self) -> dict[str, str]:
        """The bot's settings for the voice, as environment variables."""
        return {
            "TTS_ENGINE": "stand-in",
            "TTS_STAND_IN_FIRST_AUDIO_MS": str(1000 * self.first_audio),
            "TTS_STAND_IN_RTF": str(self.real_time_factor),
        }


class MeasuredCall(StackedContext):
    """One bot process and its call. Use it as an async context manager, on one event loop.

    Args:
        stand_ins: the speed of the engines.
        reply: the model's only answer.
        folder: the bot's data and its log, :data:`BOT_LOG`.
        settings: further settings of the bot, as environment variables.
        program: the arguments with which Python is started, if another program than the bot itself is to run.
        model: the stand-in model; ``None`` for one that answers every request with ``reply``.

    Attributes:
        sandbox: the local Discord.
        model: the stand-in model.
        utterances: the number of utterances that the bot has transcribed.
        page: the address of the bot's page, once it is served.
    """

    def __init__(
        self,
        stand_ins: StandIns,
        reply: str,
        folder: Path,
        settings: Mapping[str, str] = NO_FURTHER_SETTINGS,
        program: Sequence[str] = BOT,
        model: StandInModel | None = None,
    ) -> None:
        self.sandbox = Sandbox()
        self.model = model or StandInModel(tokens_of(reply), first_token=stand_ins.first_token, rate=stand_ins.rate)
        self.utterances = 0
        self.page = ""
        self._stand_ins = stand_ins
        self._folder = folder
        self._settings = settings
        self._program = program
        self._timings = folder / "voice.jsonl"
        self._ended: asyncio.Queue[ReplyTrace] = asyncio.Queue()
        self._bot: asyncio.subprocess.Process | None = None

    async def _open(self, stack: AsyncExitStack) -> None:
        await stack.enter_async_context(self.model)
        await stack.enter_async_context(self.sandbox)
        bot = bot_process(self._variables(), self._folder / BOT_LOG, self._watch, self._program)
        self._bot = await stack.enter_async_context(bot)

    def _variables(self) -> dict[str, str]:
        return {
            **self.sandbox.bot_settings,
            **own_folder_and_ports(self._folder),
            "LLM_URL": self.model.url,
            **self._stand_ins.voice_settings,
            "TTS_STAND_IN_TIMINGS": str(self._timings),
            **self._settings,
        }

    def _watch(self, event: CallEvent) -> None:
        match event:
            case ReplyEnded(trace):
                self._ended.put_nowait(trace)
            case UtteranceHeard():
                self.utterances += 1
            case WebReady(url):
                self.page = url

    def memory(self) -> int:
        """The bytes of memory that the bot's own process holds, without its children."""
        if self._bot is None:
            raise RuntimeError("the call has not been entered")
        return int(psutil.Process(self._bot.pid).memory_info().rss)

    async def while_alive(self, work: Coroutine[Any, Any, T]) -> T:
        """Await ``work``, or until the bot ends.

        Raises:
            MeasurementError: the bot has ended.
        """
        if self._bot is None:
            work.close()
            raise RuntimeError("the call has not been entered")
        working = asyncio.create_task(work, name="measurement")
        ending = asyncio.create_task(self._bot.wait(), name="bot's end")
        try:
            await asyncio.wait([working, ending], return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise MeasurementError(f"the bot ended with status {ending.result()}")
            return working.result()
        finally:
            await end_tasks(working, ending)

    async def join(self, *names: str) -> list[Guest]:
        """Bring guests and then the bot into the voice channel. Returns once all can talk.

        Raises:
            MeasurementError: the bot did not join.
        """
        return await join_call(self.sandbox, names, JOIN_LIMIT)

    async def reply_ended(self) -> ReplyTrace:
        """Wait for the end of the next reply; returns its trace.

        Raises:
            MeasurementError: no reply ended within :data:`TURN_LIMIT`.
        """
        return await next_ended(self._ended, TURN_LIMIT)

    def voiced(self, since: float) -> list[float]:
        """The times after ``since`` at which the bot's voiced packets reached the server, by the kernel's clock."""
        return voiced_packets(self.sandbox, since)

    def first_segment(self, since: float) -> StandInTiming:
        """The times of the first clause that the stand-in voice got after ``since``.

        Raises:
            StopIteration: it got no clause.
        """
        lines = self._timings.read_text(encoding="utf-8").splitlines()
        segments = (StandInTiming(**json.loads(line)) for line in lines)
        return next(segment for segment in segments if segment.received_at > since)


async def join_call(sandbox: Sandbox, names: Sequence[str], limit: float) -> list[Guest]:
    """Bring guests with these names, and then the bot, into the voice channel. Returns once all can talk.

    Raises:
        MeasurementError: a step of the bot took longer than ``limit`` seconds.
    """
    guests = [await sandbox.add_guest(name) for name in names]
    for guest in guests:
        await guest.join_voice(sandbox.voice_channel)
    asking = guests[0]
    try:
        await sandbox.bot_online(limit)
        await sandbox.command_registered("join", limit)
        await asking.say(sandbox.text_channel, "!join")
        await asking.wait_for_message(sandbox.text_channel, lambda m: m.content.startswith("🎤 Joined"), limit)
    except TimeoutError as error:
        raise MeasurementError(f"the bot did not join within {limit:.0f} s") from error
    return guests


async def next_ended(ended: asyncio.Queue[T], limit: float) -> T:
    """Take the next reply that has ended; raises :class:`MeasurementError` if none ends within ``limit`` seconds."""
    try:
        async with asyncio.timeout(limit):
            return await ended.get()
    except TimeoutError as error:
        raise MeasurementError(f"the bot did not finish a reply within {limit:.0f} s") from error


def voiced_packets(sandbox: Sandbox, since: float) -> list[float]:
    """The times after ``since`` at which the bot's voiced packets reached the server, by the kernel's clock."""
    newest = takewhile(lambda entry: entry.received > since, reversed(sandbox.voice_server.relay.log))
    return sorted(entry.received for entry in newest if entry.user == sandbox.bot_id and not entry.silent)


def tokens_of(text: str) -> list[str]:
    """Cut a text into tokens as a model streams them: words with the space in front of them."""
    first, *others = text.split(" ")
    return [first, *(f" {word}" for word in others)]


@contextmanager
def no_collections() -> Iterator[None]:
    """Turn off the garbage collector, since its pauses would count as delays of the sandbox's relay."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
