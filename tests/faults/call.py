"""Ada in a call with a bot in a process of its own: what she asks, and what she hears and reads of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bot.features.text_chat.service import NOT_KEPT
from sandbox.guest import Guest
from sandbox.server import Sandbox
from sandbox.voice.opus import FRAME_SAMPLES, SAMPLE_RATE
from sandbox.world.entities import Message
from tests.e2e.scripted_ears import ScriptedEars
from tests.e2e.talking import talk
from tests.faults.words import UNKNOWN, WORDS, Listener
from tests.forked import Forked
from tests.timing import LIMIT

LONG = WORDS[:15]
"""The words of an answer of five sentences, which takes about four seconds. Things break in the middle of it."""
_POLL = 0.1
_NO_FAULT = ("🎤", "🤫")
"""Signs at the beginning of messages that report no fault."""


@dataclass(frozen=True, slots=True)
class Question:
    """Something that Ada has asked, and the word that answers it."""

    word: str
    asked: Message


@dataclass
class FaultyCall:
    """Ada, and the bot in a call with her.

    Attributes:
        unused: the words that nobody has said yet.
        listener: writes down what Ada hears.
        joins: how often :meth:`join` was called.
    """

    sandbox: Sandbox
    ada: Guest
    bot: Forked
    ears: ScriptedEars
    unused: Iterator[str] = field(default_factory=lambda: iter(WORDS[len(LONG) :]))
    listener: Listener = field(default_factory=lambda: Listener(SAMPLE_RATE))
    joins: int = 0

    # What Ada does.

    async def join(self) -> None:
        """Ada asks the bot to join, and again if it can't yet."""
        self.joins += 1
        for _ in range(6):
            asked = await self.ada.say(self.sandbox.home.general, "!join")
            told = await self._next(asked, lambda message: message.content[:1] in "🎤❌⚠👋", 20.0)
            if told is not None and told.content.startswith("🎤 Joined"):
                return
            await asyncio.sleep(1.0)
        raise AssertionError(f"the bot does not join: {self.read(asked)}")

    async def ask(self, verb: str = "say") -> Question:
        """Ada types a question."""
        word = next(self.unused)
        return Question(word, await self.ada.say(self.sandbox.home.general, f"{verb} {word}"))

    async def ask_aloud(self) -> Question:
        """Ada asks a question aloud. Whatever she says, the scripted transcriber returns this question."""
        word = next(self.unused)
        last = self.ada.messages(self.sandbox.home.general)[-1]
        self.ears.hears = f"Please say {word}."
        await talk(self.ada, "Do you remember the summer holidays?")
        return Question(word, last)

    async def mention(self) -> Question:
        """Ada writes to the bot in another channel. It answers there after the call."""
        word = next(self.unused)
        return Question(word, await self.ada.say(self.sandbox.home.side, f"<@{self.sandbox.bot_id}> say {word}"))

    # What Ada hears and reads.

    def heard(self) -> list[tuple[str, float]]:
        """The words that Ada has heard, each with the arrival of its first packet, in monotonic seconds."""
        receiver, bot = self.ada.voice.receiver, self.sandbox.bot_id
        sound, packets = receiver.pcm(bot), receiver.voiced_packets(bot)
        return [
            (heard.word, packets[min(heard.begin // FRAME_SAMPLES, len(packets) - 1)].arrival)
            for heard in self.listener.listen(sound)
        ]

    def read(self, after: Message) -> list[str]:
        """What the bot has written after a message in that message's channel, in its last form."""
        return [message.content for message in self._written(after)]

    def account(self) -> list[str]:
        """All that was heard and written, for whoever looks into a failure."""
        home = self.sandbox.home
        heard = [f"heard {word} at {at:.2f}" for word, at in self.heard()]
        written = [
            f"{message.author.name}: {message.content}"
            for channel in (home.general, home.side)
            for message in self.ada.messages(channel)
        ]
        return [*heard, *written]

    def in_call(self) -> bool:
        """Whether people see the bot in the voice channel."""
        return self.sandbox.bot_id in self.sandbox.guild.voice_states

    def over(self, during: Question) -> bool:
        """Whether the call has ended since a question, and a message says how to go on."""
        return not self.in_call() and any("`!join`" in text for text in self.read(during.asked))

    def outcome(self, question: Question, since: float) -> str | None:
        """What became of a question: "answered", or what people heard or read instead; ``None`` if nothing yet."""
        heard = self.heard()
        if any(word == question.word for word, _ in heard):
            return "answered"
        about = (None, question.asked.id)
        written = [each.content for each in self._written(question.asked) if each.reference_id in about]
        if any(question.word in text.lower() for text in written):
            return "answered in writing"
        told = next((text for text in written if not text.startswith(_NO_FAULT)), None)
        if told is not None:
            return told
        return "spoken remark" if any(word == UNKNOWN and at > since for word, at in heard) else None

    async def wait_for_outcome(self, question: Question, since: float, seconds: float) -> str | None:
        """Wait for the outcome; ``None`` if there is none within so many seconds."""
        until = time.monotonic() + seconds
        while (outcome := self.outcome(question, since)) is None and time.monotonic() < until:
            await asyncio.sleep(_POLL)
        return outcome

    async def wait_until_heard(self, word: str) -> float:
        """Wait until Ada has heard a word; returns when, in monotonic seconds."""
        async with asyncio.timeout(LIMIT):
            while (at := dict(self.heard()).get(word)) is None:
                await asyncio.sleep(_POLL)
        return at

    async def wait_until_quiet(self) -> None:
        """Wait until the bot has said nothing for half a second."""
        await self.ada.voice.receiver.wait_for_silence(self.sandbox.bot_id, 0.5, LIMIT)

    async def answered_or_told(self, question: Question) -> None:
        """Check what happens to a question that was not asked in the call: its channel gets the answer, or Ada is told
        that the question is lost.
        """

        def fits(message: Message) -> bool:
            return question.word in message.content.lower() or message.content == NOT_KEPT

        found = await self._next(question.asked, fits, LIMIT)
        assert found is not None, f"{question.word} was never answered: {self.read(question.asked)}"

    async def leave(self) -> None:
        """Ada sends the bot away, if it is still there."""
        if self.in_call():
            asked = await self.ada.say(self.sandbox.home.general, "!leave")
            assert await self._next(asked, lambda message: message.content.startswith("👋"), LIMIT) is not None

    def _written(self, after: Message) -> list[Message]:
        read = self.ada.messages(self.sandbox.world.directory.channel(after.channel_id))
        return [message for message in read if message.id > after.id and message.author.id == self.sandbox.bot_id]

    async def _next(self, after: Message, matches: Callable[[Message], bool], seconds: float) -> Message | None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for message in self._written(after):
                if matches(message):
                    return message
            await asyncio.sleep(_POLL)
        return None
