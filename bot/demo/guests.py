"""The demonstration's guests: the steps that a script can have them do in a call."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from bot.demo.lines import GuestLines, SpokenLine
from bot.demo.scorers import HeardAnswer
from bot.voice.events import CallEvent, EnginesReady, PromptTaken, ReplyEnded, UtteranceHeard, WordsSpoken
from bot.voice.metrics import ReplyTrace
from bot.voice.turn import Outcome
from bot.watching.console import CallConsole
from sandbox.guest import Guest
from sandbox.server import Sandbox
from sandbox.speech_sounds import cough
from sandbox.voice.audio_receiver import AudioReceiver, TimedSound, save_mix
from sandbox.voice.microphone import VoiceActivity
from sandbox.voice.opus import SAMPLE_RATE, Sound

T = TypeVar("T")

LOADING_LIMIT = 60.0
"""Seconds that the guests wait for the bot's engines. After that they call the bot all the same."""
JOIN_LIMIT = 120.0
"""Seconds within which the bot must join; otherwise the call has failed."""
REPLY_LIMIT = 90.0
"""Seconds within which the bot must do what a guest waits for, such as ending a reply; else the call has failed."""
LEAVE_LIMIT = 15.0
"""Seconds within which the bot must leave; otherwise the call has failed."""
JOIN_AGAIN = 5.0
"""If the bot has not joined after this many seconds, the command to join is typed again."""
COUGH_AT = 1
"""A guest coughs at the beginning of the story's segment with this number."""
GOES_ON_AT = 2
"""When the segment with this number begins, the story has continued after the cough."""
INTERRUPT_AT = 3
"""A guest interrupts the story at the beginning of the segment with this number."""
ASIDE_WAIT = 1.5
"""Seconds to wait after an aside. If the bot took the aside for a question, it would answer within this time."""
SILENCE_SECONDS = 0.3
"""Seconds without a packet of sound after which an answer counts as complete."""
SILENCE_LIMIT = 5.0
"""Longest wait for the end of an answer's sound, in seconds. After that, the sound that has come is the answer."""
TRAILING_SILENCE = SAMPLE_RATE // 2
"""Samples of silence after each line. A client's voice activity detection stays open for a moment after speech."""


@dataclass(frozen=True, slots=True)
class _EndedReply:
    """A reply that has ended, and the number of the bot's packets that each guest had received by then."""

    trace: ReplyTrace
    heard: Mapping[str, int]


class CallFailedError(Exception):
    """The call did not go as the script expects. The message says where."""


class Guests:
    """The people in the call, and the steps that they can do.

    Args:
        view: prints what happens.
        lines: the source of the guests' lines.
        watchers: the list of functions that get the bot's events. This object adds a function of its own.
        out: the folder for the WAV files.
        prefix: the prefix of the bot's commands.

    Attributes:
        answers: all answers so far, as the guests heard them.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        view: CallConsole,
        lines: GuestLines,
        watchers: list[Callable[[CallEvent], None]],
        out: Path,
        *,
        prefix: str,
    ) -> None:
        self.answers: list[HeardAnswer] = []
        self._sandbox = sandbox
        self._view = view
        self._lines = lines
        self._out = out
        self._join_command = f"{prefix}join"
        self._guests: dict[str, Guest] = {}
        self._receivers: dict[str, AudioReceiver] = {}
        self._said: list[TimedSound] = []
        self._ended: asyncio.Queue[_EndedReply] = asyncio.Queue()
        self._spoken: asyncio.Queue[str | None] = asyncio.Queue()
        """The text of each segment when its sound begins; ``None`` at the end of a reply."""
        self._engines_ready = asyncio.Event()
        self._overheard = asyncio.Event()
        self._taken = 0
        self._understood = ""
        self._meant = ""
        watchers.append(self._on_event)

    def _on_event(self, event: CallEvent) -> None:
        match event:
            case EnginesReady():
                self._engines_ready.set()
            case PromptTaken(_, _, text):
                self._taken += 1
                self._understood = text
            case UtteranceHeard(addressed=False):
                self._overheard.set()
            case WordsSpoken(_, text):
                self._spoken.put_nowait(text)
            case ReplyEnded(trace, heard):
                self._meant = heard
                self._ended.put_nowait(_EndedReply(trace, {name: self._heard_so_far(name) for name in self._receivers}))
                self._spoken.put_nowait(None)

    def note(self, text: str) -> None:
        """Print a line that says what happens next."""
        self._view.note(text)

    async def wait_for_the_engines(self) -> None:
        """Wait until the bot has loaded its engines, but not longer than :data:`LOADING_LIMIT`."""
        if not self._engines_ready.is_set():
            self.note("The bot's ears, mind and voice are being loaded.")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._engines_ready.wait(), LOADING_LIMIT)

    async def enter(self, name: str) -> None:
        """Have a guest enter the voice channel."""
        guest = self._guests[name] = await self._sandbox.add_guest(name)
        self._receivers[name] = (await guest.join_voice(self._sandbox.voice_channel)).receiver

    async def leave(self, name: str) -> None:
        """Have a guest leave the voice channel."""
        await self._guests[name].leave_voice()

    async def call_the_bot(self, name: str) -> None:
        """Have a guest type the command to join.

        Raises:
            CallFailedError: the bot does not join.
        """
        guest, channel = self._guests[name], self._sandbox.voice_channel
        self.note(f"{name} is in {channel.name}. {name} types: {self._join_command}")
        text, loop = self._sandbox.text_channel, asyncio.get_running_loop()
        deadline = loop.time() + JOIN_LIMIT
        # The bot may still be starting, so the command is typed again, as a person would do.
        while loop.time() < deadline:
            await guest.say(text, self._join_command)
            try:
                await guest.wait_for_message(text, lambda message: message.content.startswith("🎤 Joined"), JOIN_AGAIN)
            except TimeoutError:
                continue
            return
        raise CallFailedError("the bot did not join")

    async def ask(self, name: str) -> None:
        """Have a guest say the line with this name, and wait until the bot has answered it aloud.

        Raises:
            CallFailedError: the bot does not answer.
        """
        line = await self._line(name)
        begin = self._heard_so_far(line.guest)
        await self._speak(line)
        await self._keep_answer(line, begin)

    async def interrupt(self, story: str, interruption: str) -> None:
        """Have a guest ask for a story, cough during it, and then interrupt it with another line.

        If the story ends before it can be interrupted, it counts as an ordinary answer.

        Raises:
            CallFailedError: the bot does not answer, or is not interrupted.
        """
        while not self._spoken.empty():
            self._spoken.get_nowait()
        telling, line = await self._line(story), await self._line(interruption)
        begin = self._heard_so_far(telling.guest)
        await self._speak(telling)
        goes_on = await self._clauses(COUGH_AT)
        if goes_on:
            self.note(f"{telling.guest} coughs.")
            await self._microphone(telling.guest, await asyncio.to_thread(cough, 1))
            goes_on = await self._clauses(GOES_ON_AT - COUGH_AT)
        if goes_on:
            self.note("The story goes on.")
            goes_on = await self._clauses(INTERRUPT_AT - GOES_ON_AT)
        if goes_on:
            self.note(f"{line.guest} interrupts.")
            await self._speak(line)
            ended = await self._turn_ended()
            if (outcome := ended.trace.outcome) is not Outcome.INTERRUPTED:
                raise CallFailedError(f"the story was {outcome.value} although {line.guest} interrupted it")
            await self._keep_answer(line, ended.heard[line.guest])
            return
        await self._keep(telling, begin, (await self._turn_ended()).trace)
        self.note(f"That story was over before {line.guest} could interrupt it.")
        await self.ask(interruption)

    async def say_aside(self, name: str) -> None:
        """Have a guest say something to another guest.

        Raises:
            CallFailedError: the bot answers the line, or does not hear it.
        """
        line, taken = await self._line(name), self._taken
        self._overheard.clear()
        await self._speak(line)
        await self._within(self._overheard.wait(), f"{line.text!r} to be heard")
        await asyncio.sleep(ASIDE_WAIT)
        if self._taken != taken:
            raise CallFailedError(f"the bot answered {line.text!r}, which was not said to it")

    async def send_away(self, name: str) -> None:
        """Have a guest tell the bot to leave.

        Raises:
            CallFailedError: the bot does not leave.
        """
        line = await self._line(name)
        # The line is a command, so no event of the bot contains its words, and they are printed here.
        self.note(f"{line.guest} says: {line.text}")
        await self._speak(line)
        try:
            await self._guests[line.guest].wait_for_message(
                self._sandbox.text_channel, lambda message: message.content == "👋 Left voice channel!", LEAVE_LIMIT
            )
        except TimeoutError:
            raise CallFailedError(f"the bot did not leave when {line.guest} said {line.text!r}") from None

    def save(self) -> None:
        """Write WAV files of the whole call, and of the bot's sound as each guest received it. Blocks on the disk."""
        bot, first = self._sandbox.bot_id, next(iter(self._receivers.values()), None)
        pieces = [*self._said, *(first.timed(bot) if first is not None else ())]
        whole = self._out / "call.wav"
        save_mix(whole, pieces)
        self.note(f"The whole call, with everybody in it: {whole}")
        for name, receiver in list(self._receivers.items()):
            path = self._out / f"heard-by-{name.lower()}.wav"
            receiver.save_wav(path, bot)
            self.note(f"What {name} heard: {path}")

    async def _keep_answer(self, line: SpokenLine, begin: int) -> None:
        """Wait for the answer to a line, and store it.

        The bot may mistake a pause in the line for the end of the line. The rest of the line then interrupts the answer
        to the first part, and this answer does not count.
        """
        ended = await self._turn_ended()
        while ended.trace.outcome is Outcome.INTERRUPTED:
            begin, ended = ended.heard[line.guest], await self._turn_ended()
        await self._keep(line, begin, ended.trace)

    async def _keep(self, line: SpokenLine, begin: int, trace: ReplyTrace) -> None:
        """Store an answer with the sound that the guest has received since packet number ``begin``."""
        if trace.outcome is not Outcome.SPOKEN:
            raise CallFailedError(f"the reply to {line.text!r} was {trace.outcome.value}, not spoken")
        receiver, bot = self._receivers[line.guest], self._sandbox.bot_id
        with contextlib.suppress(TimeoutError):
            # The last packets may still be on their way.
            await receiver.wait_for_silence(bot, SILENCE_SECONDS, SILENCE_LIMIT)
        heard = await asyncio.to_thread(receiver.pcm, bot, since=begin)
        if not len(heard):
            raise CallFailedError(f"{line.guest} heard nothing in answer to {line.text!r}")
        self.answers.append(HeardAnswer(line.guest, line.text, self._understood, self._meant, heard, trace))

    async def _line(self, name: str) -> SpokenLine:
        return await asyncio.to_thread(self._lines.line, name)

    def _heard_so_far(self, name: str) -> int:
        return self._receivers[name].count(self._sandbox.bot_id)

    async def _speak(self, line: SpokenLine) -> None:
        await self._microphone(line.guest, line.sound)

    async def _microphone(self, name: str, sound: Sound) -> None:
        self._said.append(TimedSound(time.monotonic(), sound))
        # Discord's voice activity detection stays open for a moment after the words, so silence follows them.
        await self._guests[name].voice.speak(np.pad(sound, (0, TRAILING_SILENCE)), VoiceActivity())

    async def _clauses(self, count: int) -> bool:
        """Wait until ``count`` more segments have begun to sound. Returns False if the reply ends first."""
        for _ in range(count):
            if await self._within(self._spoken.get(), "a story") is None:
                return False
        return True

    async def _turn_ended(self) -> _EndedReply:
        return await self._within(self._ended.get(), "the end of a reply")

    @staticmethod
    async def _within(waiting: Awaitable[T], what: str) -> T:
        try:
            # asyncio.wait_for is not used, because in Python 3.11 it can lose a Ctrl-C that comes at the same moment.
            async with asyncio.timeout(REPLY_LIMIT):
                return await waiting
        except TimeoutError:
            raise CallFailedError(f"waited {REPLY_LIMIT:.0f} seconds in vain for {what}") from None
