"""A call of the real bot with real engines and three guests. It collects the transcripts and the times of replies."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.bot_settings import own_folder_and_ports
from benchmarks.errors import MeasurementError
from benchmarks.measured_call import BOT_LOG, TAIL_SECONDS, TURN_LIMIT, join_call, no_collections, voiced_packets
from benchmarks.spoken_microphones import ClosingSpeaker, MicrophoneSpeaker, OpenSpeaker
from benchmarks.stacked_context import StackedContext
from benchmarks.turn_measurement import PEOPLE
from bot.bot_process import bot_process
from bot.voice.events import CallEvent, ReplyEnded, UtteranceHeard
from bot.voice.metrics import ReplyTrace
from bot.voice.turn import Outcome
from sandbox.guest import Guest
from sandbox.server import Sandbox
from sandbox.voice.microphone import PushToTalk, VoiceActivity
from sandbox.voice.opus import Sound

HEARD_LIMIT = 30.0
"""Seconds after the last word in which a transcript has to come."""
ANOTHER_PART = 2.5
"""Seconds without another transcript after which an utterance counts as complete."""
RELEASE = 0.15
"""Seconds from the last word to the release of the key."""
QUIET = 1.0
"""Seconds of silence after the words, in which voice activity stops sending."""
BETWEEN = 0.6
INTRODUCTION = 1.5
"""Seconds after joining in which the bot may write its introduction."""
READY_LIMIT = 180.0
COMMAND_LIMIT = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class GuestUtterance:
    """An utterance of a guest: its text, its sound (48,000 Hz mono), and the name of the speaker."""

    text: str
    speaker: str
    sound: Sound


@dataclass(frozen=True, slots=True)
class HeardUtterance:
    """The transcript of an utterance. ``parts`` are the bot's transcripts of it, in order."""

    text: str
    speaker: str
    microphone: str
    parts: tuple[str, ...]

    @property
    def heard(self) -> str:
        """The whole transcript."""
        return " ".join(self.parts)


@dataclass(frozen=True, slots=True)
class AnsweredTurn:
    """A turn that was answered aloud.

    ``first_packet`` is the time from the last voiced sample to the reply's first packet, in seconds of the guest's
    clock. The stages of ``trace`` are in milliseconds of the bot's clock.
    """

    text: str
    heard: str
    microphone: str
    first_packet: float
    trace: ReplyTrace


class RealCall(StackedContext):
    """The bot with real engines and its call on the sandbox. Use it as an async context manager, on one event loop.

    Args:
        folder: the bot's data and log.
        settings: further settings of the bot, as environment variables.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self._folder = folder
        self._settings = settings
        self._sandbox = Sandbox()
        self._transcripts: dict[int, list[str]] = defaultdict(list)
        self._heard = asyncio.Condition()
        self._ended: asyncio.Queue[ReplyTrace] = asyncio.Queue()
        self._guests: dict[str, Guest] = {}
        self._speakers: dict[str, MicrophoneSpeaker] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._bot: asyncio.subprocess.Process | None = None

    async def _open(self, stack: AsyncExitStack) -> None:
        await stack.enter_async_context(self._sandbox)
        bot = bot_process(self._variables(), self._folder / BOT_LOG, self._watch)
        self._bot = await stack.enter_async_context(bot)
        await self._join()
        for kind, name in PEOPLE.items():
            self._speakers[kind] = await stack.enter_async_context(_speaker(kind, self._guests[name]))

    def _variables(self) -> dict[str, str]:
        return {
            **self._sandbox.bot_settings,
            **own_folder_and_ports(self._folder),
            "ANSWER_TO": "always",
            "STT_LANGUAGE": "en",
            **self._settings,
        }

    async def _join(self) -> None:
        names = tuple(PEOPLE.values())
        try:
            self._guests = dict(zip(names, await join_call(self._sandbox, names, READY_LIMIT), strict=True))
        except MeasurementError as error:
            status = self._bot.returncode if self._bot is not None else None
            ended = f"; it ended with status {status}" if status is not None else ""
            raise MeasurementError(f"{error}{ended}") from error
        await asyncio.sleep(INTRODUCTION)

    async def command(self, text: str, answer: str) -> None:
        """Have a guest type a command. Returns once a message came that begins with ``answer``."""
        asking, channel = self._guests["Ada"], self._sandbox.text_channel
        await asking.say(channel, text)
        await asking.wait_for_message(channel, lambda message: message.content.startswith(answer), COMMAND_LIMIT)

    def _watch(self, event: CallEvent) -> None:
        match event:
            case ReplyEnded(trace):
                self._ended.put_nowait(trace)
            case UtteranceHeard():
                self._transcripts[event.person].append(event.text)

    async def transcribe(
        self, utterances: Mapping[str, Sequence[GuestUtterance]], progress: Callable[[], None]
    ) -> list[HeardUtterance]:
        """Have all guests speak at the same time, each their own utterances, and return the transcripts.

        The bot only transcribes and answers nothing.

        Args:
            utterances: the utterances by kind of microphone.
            progress: called after each utterance.
        """
        await self.command("!mode transcribe", "📝")
        heard = await asyncio.gather(*(self._transcribe_one(kind, said, progress) for kind, said in utterances.items()))
        await self.command("!mode talk", "🗣️")
        return [one for person in heard for one in person]

    async def _transcribe_one(
        self, kind: str, said: Sequence[GuestUtterance], progress: Callable[[], None]
    ) -> list[HeardUtterance]:
        speaker, transcripts = self._speakers[kind], self._transcripts[self._guests[PEOPLE[kind]].user.id]
        heard = []
        for utterance in said:
            transcripts.clear()
            await speaker.say(utterance.sound)
            parts = await self._parts(transcripts)
            heard.append(HeardUtterance(utterance.text, utterance.speaker, kind, parts))
            progress()
        return heard

    @staticmethod
    async def _parts(transcripts: Sequence[str]) -> tuple[str, ...]:
        """Wait for a transcript, and then until no further one comes."""
        begun = changed = time.monotonic()
        count = 0
        while (now := time.monotonic()) - changed < (ANOTHER_PART if transcripts else HEARD_LIMIT):
            if len(transcripts) != count:
                count, changed = len(transcripts), now
            await asyncio.sleep(0.05)
            if now - begun > 2 * HEARD_LIMIT:
                break
        return tuple(transcripts)

    async def converse(
        self, kind: str, said: Sequence[GuestUtterance], progress: Callable[[], None]
    ) -> list[AnsweredTurn]:
        """Have one guest talk with the bot. Each answer is heard to its end before the next utterance.

        Raises:
            MeasurementError: an utterance was not answered.
        """
        guest = self._guests[PEOPLE[kind]]
        transcripts = self._transcripts[guest.user.id]
        turns = []
        for utterance in said:
            await asyncio.sleep(BETWEEN)
            transcripts.clear()
            with no_collections():
                times = await self._speakers[kind].say(utterance.sound)
                trace = await self._reply_ended(utterance.text)
            await guest.voice.receiver.wait_for_silence(self._sandbox.bot_id, TAIL_SECONDS, TURN_LIMIT)
            voiced = [at for at in voiced_packets(self._sandbox, times.first_voiced) if at > times.last_voiced]
            if not voiced:
                raise MeasurementError(f"the answer to {utterance.text!r} has no audible sound")
            first_packet = voiced[0] - times.last_voiced
            turns.append(AnsweredTurn(utterance.text, " ".join(transcripts), kind, first_packet, trace))
            progress()
        return turns

    async def reactions_to(self, sounds: Mapping[str, Sequence[Sound]]) -> list[str]:
        """Have each guest play these sounds; returns the bot's transcripts, replies and messages during that time.

        Args:
            sounds: the sounds by kind of microphone.
        """
        channel, asking = self._sandbox.text_channel, self._guests["Ada"]
        before = len(asking.messages(channel))
        self._transcripts.clear()
        while not self._ended.empty():
            self._ended.get_nowait()
        await asyncio.gather(*(self._play(kind, each) for kind, each in sounds.items()))
        await asyncio.sleep(ANOTHER_PART)
        written = [message.content for message in asking.messages(channel)[before:]]
        replies = ["(a reply)"] * self._ended.qsize()
        return [text for texts in self._transcripts.values() for text in texts] + replies + written

    async def _play(self, kind: str, sounds: Sequence[Sound]) -> None:
        for sound in sounds:
            await self._speakers[kind].say(sound)
            await asyncio.sleep(BETWEEN)

    async def _reply_ended(self, text: str) -> ReplyTrace:
        try:
            async with asyncio.timeout(TURN_LIMIT):
                while (trace := await self._ended.get()).outcome is not Outcome.SPOKEN:
                    pass  # This reply was speculative. It began in a pause and was discarded.
                return replace(trace)
        except TimeoutError as error:
            raise MeasurementError(f"{text!r} was not answered within {TURN_LIMIT:.0f} s") from error


def _speaker(kind: str, guest: Guest) -> MicrophoneSpeaker:
    match kind:
        case "push-to-talk":
            return ClosingSpeaker(guest.voice, PushToTalk(), lambda: RELEASE)
        case "voice activity":
            return ClosingSpeaker(guest.voice, VoiceActivity(), lambda: QUIET)
        case _:
            return OpenSpeaker(guest.voice, seed=1)


def divided_by_microphone(utterances: Sequence[GuestUtterance]) -> dict[str, list[GuestUtterance]]:
    """Divide the utterances among the guests in turn; returns them by kind of microphone."""
    kinds = tuple(PEOPLE)
    return {kind: list(utterances[number :: len(kinds)]) for number, kind in enumerate(kinds)}
