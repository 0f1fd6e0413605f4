"""The scripted call of the demonstration: what the guests do, and the judgement of what they heard."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from bot.llm.toy_phrases import TOY_PHRASES, expected_phrase
from bot.voice.dialogue.reply import Outcome
from bot.voice.events import CallEvent, ReplyEnded, WordsSpoken
from bot.voice.metrics import TurnTrace
from bot.watching.console import CallConsole
from sandbox.guest import Guest
from sandbox.recogniser import SentenceRecogniser
from sandbox.server import Sandbox
from sandbox.speech import GUEST_VOICES, speech
from sandbox.speech_sounds import cough
from sandbox.voice.hearing import Sound, TimedSound, save_mix
from sandbox.voice.microphone import VoiceActivity
from sandbox.voice.opus import SAMPLE_RATE

T = TypeVar("T")

JOIN_LIMIT = 120.0
REPLY_LIMIT = 90.0
LEAVE_LIMIT = 15.0
JOIN_AGAIN = 5.0
CLEAR_ENOUGH = 0.35
"""Agreement with the recogniser from which speech counts as understood; another text stays below 0.3."""
COUGH_AT, INTERRUPT_AT = 1, 3
"""Clauses of the story that have begun when Ada coughs, and when she speaks."""
ROOM = SAMPLE_RATE // 2
QUESTIONS = ("Hello there!", "How are you?")
STORY = "Tell me a story."
INTERRUPTION = "What time is it?"
CALLED_BY_NAME = "Seiyuu, can you sing something?"
FAREWELL = "Seiyuu, leave the voice channel."


class CallFailedError(Exception):
    """The call did not go as it should; the text says where."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a guest made of one reply."""

    question: str
    understood: bool
    agreement: float


class Caller:
    """The guests of the call and what they do, one step after another.

    Args:
        watchers: where to be told of the bot's events.
        prefix: what the bot's commands begin with.
        judge: whether the bot answers with the toy model's known sentences, so that what is heard can be checked.
        out: the folder for the WAV files.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        view: CallConsole,
        watchers: list[Callable[[CallEvent], None]],
        out: Path,
        *,
        prefix: str,
        judge: bool,
    ) -> None:
        self._sandbox = sandbox
        self._view = view
        self._out = out
        self._join_command = f"{prefix}join"
        self._said: list[TimedSound] = []
        self._ended: asyncio.Queue[TurnTrace] = asyncio.Queue()
        self._spoken: asyncio.Queue[str] = asyncio.Queue()
        self._recogniser = SentenceRecogniser(_ANSWERS) if judge else None
        watchers.append(self._on_event)

    def _on_event(self, event: CallEvent) -> None:
        if isinstance(event, ReplyEnded):
            self._ended.put_nowait(event.trace)
        elif isinstance(event, WordsSpoken):
            self._spoken.put_nowait(event.text)

    async def play(self) -> None:
        """Join, ask, cough, interrupt, ask by name, leave; then judge what was heard and write it to WAV files.

        Raises:
            CallFailedError: something that should happen did not, or a reply was not intelligible.
        """
        channel = self._sandbox.voice_channel
        ada = await self._sandbox.add_guest("Ada")
        await ada.join_voice(channel)
        self._view.note(f"Ada is in {channel.name}. She types: {self._join_command}")
        await self._join(ada)
        self._view.note("From now on she speaks into her microphone.")
        verdicts = [await self._ask(ada, question) for question in QUESTIONS]
        verdicts.append(await self._interrupt(ada))
        ben = await self._sandbox.add_guest("Ben")
        await ben.join_voice(channel)
        self._view.note("Ben comes in: now there are two of them, so he calls by name.")
        verdicts.append(await self._ask(ben, CALLED_BY_NAME))
        await self._leave(ada)
        self._save(ada, ben)
        self._sum_up(verdicts)

    async def _join(self, guest: Guest) -> None:
        text, loop = self._sandbox.text_channel, asyncio.get_running_loop()
        deadline = loop.time() + JOIN_LIMIT
        # The bot may still be starting; a person would type it again too.
        while loop.time() < deadline:
            await guest.say(text, self._join_command)
            try:
                await guest.wait_for_message(text, lambda message: message.content.startswith("🎤 Joined"), JOIN_AGAIN)
            except TimeoutError:
                continue
            return
        raise CallFailedError("the bot did not join")

    async def _speak(self, guest: Guest, text: str) -> None:
        sound = await asyncio.to_thread(speech, text, GUEST_VOICES[guest.user.name])
        await self._microphone(guest, sound)

    async def _microphone(self, guest: Guest, sound: Sound) -> None:
        self._said.append(TimedSound(time.monotonic(), sound))
        # The room behind the words, through which Discord's voice activity stays open for a moment.
        await guest.voice.speak(np.pad(sound, (0, ROOM)), VoiceActivity())

    async def _ask(self, guest: Guest, question: str) -> Verdict:
        begin = guest.voice.hearing.count(self._sandbox.bot_id)
        await self._speak(guest, question)
        return await self._judge(guest, question, begin, await self._turn_ended())

    async def _judge(self, guest: Guest, question: str, begin: int, trace: TurnTrace) -> Verdict:
        """See how a reply ended, and what came of it to the guest's ears since packet ``begin``."""
        if trace.outcome is not Outcome.SPOKEN:
            raise CallFailedError(f"the reply to {question!r} was {trace.outcome.value}, not spoken")
        heard = guest.voice.hearing.pcm(self._sandbox.bot_id, since=begin)
        if not len(heard):
            raise CallFailedError(f"{guest.user.name} heard nothing in answer to {question!r}")
        if self._recogniser is None:
            return Verdict(question, True, 1.0)
        match = await asyncio.to_thread(self._recogniser.closest, heard, SAMPLE_RATE, _ANSWERS)
        understood = match.text == expected_phrase(question).answer and match.agreement >= CLEAR_ENOUGH
        return Verdict(question, understood, match.agreement)

    async def _interrupt(self, guest: Guest) -> Verdict:
        """Ask for a story, cough into it, and then ask something else."""
        while not self._spoken.empty():
            self._spoken.get_nowait()
        await self._speak(guest, STORY)
        for _ in range(COUGH_AT):
            await self._within(self._spoken.get(), "a story")
        self._view.note("Ada coughs; the story goes on.")
        await self._microphone(guest, cough(1))
        for _ in range(INTERRUPT_AT - COUGH_AT):
            await self._within(self._spoken.get(), "the story to go on")
        self._view.note("Ada interrupts.")
        begin = guest.voice.hearing.count(self._sandbox.bot_id)
        await self._speak(guest, INTERRUPTION)
        trace = await self._turn_ended()
        if trace.outcome is not Outcome.INTERRUPTED:
            raise CallFailedError(f"the story was {trace.outcome.value} although Ada interrupted it")
        return await self._judge(guest, INTERRUPTION, begin, await self._turn_ended())

    async def _leave(self, guest: Guest) -> None:
        text = self._sandbox.text_channel
        await self._speak(guest, FAREWELL)
        await guest.wait_for_message(text, lambda message: message.content == "👋 Left voice channel!", LEAVE_LIMIT)

    async def _turn_ended(self) -> TurnTrace:
        return await self._within(self._ended.get(), "the end of a reply")

    @staticmethod
    async def _within(waiting: Awaitable[T], what: str) -> T:
        try:
            # Not wait_for: Python 3.11's can swallow a Ctrl-C that comes together with what was waited for.
            async with asyncio.timeout(REPLY_LIMIT):
                return await waiting
        except TimeoutError:
            raise CallFailedError(f"waited {REPLY_LIMIT:.0f} seconds in vain for {what}") from None

    def _save(self, ada: Guest, ben: Guest) -> None:
        bot = self._sandbox.bot_id
        whole = self._out / "call.wav"
        save_mix(whole, [*self._said, *ada.voice.hearing.timed(bot)])
        self._view.note(f"The whole call, with everybody in it: {whole}")
        for guest in (ada, ben):
            path = self._out / f"heard-by-{guest.user.name.lower()}.wav"
            guest.voice.hearing.save_wav(path, bot)
            self._view.note(f"What {guest.user.name} heard: {path}")

    def _sum_up(self, verdicts: list[Verdict]) -> None:
        if self._recogniser is None:
            self._view.note("✔ Every reply was heard.")
            return
        for verdict in verdicts:
            mark = "✔" if verdict.understood else "✘"
            self._view.note(
                f"{mark} Answer to {verdict.question!r} "
                f"{'understood' if verdict.understood else 'not understood'} by a speech recogniser "
                f"(agreement {verdict.agreement:.2f}; another text stays below 0.3)"
            )
        if not all(verdict.understood for verdict in verdicts):
            raise CallFailedError("not every reply was intelligible")


_ANSWERS = tuple(phrase.answer for phrase in TOY_PHRASES if phrase.answer.isascii())
