"""The scripted call of the demonstration: what the guests do, and the judgement of what they heard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bot.llm.toy_phrases import TOY_PHRASES
from bot.voice.events import CallEvent, TurnEnded
from bot.voice.metrics import TurnTrace
from bot.voice.reply import Outcome
from bot.watching.console import CallConsole
from sandbox.guest import Guest
from sandbox.recogniser import SentenceRecogniser
from sandbox.server import Sandbox

JOIN_LIMIT = 90.0
REPLY_LIMIT = 90.0
LEAVE_LIMIT = 15.0
CLEAR_ENOUGH = 0.35
"""Agreement with the recogniser from which speech counts as understood; another text stays below 0.3."""
SAMPLE_RATE = 48_000


class CallFailed(Exception):  # noqa: N818
    """The call did not go as it should; the text says where."""


class Caller:
    """The guest at the centre of the call."""

    def __init__(
        self, sandbox: Sandbox, view: CallConsole, watchers: list[Callable[[CallEvent], None]], out: Path
    ) -> None:
        self.sandbox = sandbox
        self.view = view
        self.out = out
        self._ended: asyncio.Queue[TurnTrace] = asyncio.Queue()
        watchers.append(self._on_event)

    def _on_event(self, event: CallEvent) -> None:
        if isinstance(event, TurnEnded):
            self._ended.put_nowait(event.trace)

    async def turn_ended(self) -> TurnTrace:
        """Wait for the next turn to end."""
        try:
            return await asyncio.wait_for(self._ended.get(), REPLY_LIMIT)
        except TimeoutError:
            raise CallFailed(f"no reply within {REPLY_LIMIT:.0f} seconds") from None


@dataclass(frozen=True, slots=True)
class _Verdict:
    question: str
    understood: bool
    agreement: float


async def play_call(caller: Caller) -> None:
    """Join, ask, interrupt, leave; then judge what was heard and write it to WAV files.

    Raises:
        CallFailed: something that should happen did not, or a reply was not intelligible.
    """
    sandbox, view = caller.sandbox, caller.view
    ada, ben = await sandbox.add_guest("Ada"), await sandbox.add_guest("Ben")
    for guest in (ada, ben):
        await guest.join_voice(sandbox.voice_channel)
    view.note("Ada and Ben are in the voice channel. Ada types !join")
    await _join(caller, ada)
    verdicts = [await _ask(caller, ada, question) for question in ("How are you?", "What time is it?")]
    await _interrupt(caller, ada)
    verdicts.append(await _ask(caller, ben, "Thank you!"))
    await _leave(caller, ada)
    _judge(caller, ada, verdicts)


async def _join(caller: Caller, guest: Guest) -> None:
    text = caller.sandbox.text_channel
    deadline = asyncio.get_running_loop().time() + JOIN_LIMIT
    # The bot may still be starting: a person would type it again.
    while asyncio.get_running_loop().time() < deadline:
        await guest.say(text, "!join")
        answer = await guest.next_message(text, by_bot=True, timeout=3.0)
        if answer is not None and answer.content.startswith("🎤 Joined"):
            return
    raise CallFailed("the bot did not join; its log says why")


async def _ask(caller: Caller, guest: Guest, question: str) -> _Verdict:
    voice = guest.voice
    begin = voice.hearing.samples(caller.sandbox.bot_id)
    await guest.say(caller.sandbox.text_channel, question)
    trace = await caller.turn_ended()
    if trace.outcome is not Outcome.SPOKEN:
        raise CallFailed(f"the reply to {question!r} was {trace.outcome.value}, not spoken")
    heard = voice.hearing.pcm(caller.sandbox.bot_id)[begin:]
    answer = next(phrase.answer for phrase in TOY_PHRASES if phrase.question == question)
    match = await asyncio.to_thread(_recognise, heard)
    return _Verdict(question, match.text == answer and match.agreement >= CLEAR_ENOUGH, match.agreement)
