"""What tools need of Discord: who may use them, and buttons with which a person allows one."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

import discord

from bot.access import Permit
from bot.commands.guarded_view import GuardedView
from bot.commands.outdated_questions import OutdatedQuestions
from bot.discord_errors import DISCORD_ERRORS, discord_error_text
from bot.guard import Guard
from bot.text import shorten
from bot.tools.confirmation import BUTTON_SECONDS, READING_SECONDS
from bot.tools.registry import for_the_operator, only_for_everyone
from bot.tools.tool import Asker
from bot.tools.yes_no_words import YesNoWords
from bot.voice.discord.text_channel import tell_in
from bot.voice.events import CallEvent, UtteranceHeard
from config.tasks import end_tasks

_log = logging.getLogger(__name__)

ASKED = "🔧 {mention}, may I do this?\n```\n{call}\n```"
YES_LABEL, NO_LABEL = "Yes", "No"
YES_ID, NO_ID = "tool:yes", "tool:no"
ALLOWED = "✅ {name} said yes."
REFUSED = "❌ {name} said no, so I leave it."
NOT_ANSWERED = "⌛ No answer, so I leave it."
IN_WORDS = "💬 {name} answers in words."
FAILED = "🔧 {text}"
NOT_ASKED = "🔒 Only {name} can answer that."
MAX_WRITERS = 1_000
"""Maximum number of people whose roles are remembered; see :class:`ToolPermits`."""
_COMMAND = "help"
"""The buttons need the right to use this command. Everybody has it; the question itself refuses all but the asker."""


class ToolPermits:
    """Says whether a permit in the file of tools includes a person (:data:`~bot.tools.servers.tools.Permits`).

    Without the privileged intent for members, discord.py knows people who are in voice channels, and no others. So the
    people who write messages are remembered here (:meth:`note`), with the roles of that moment.

    Args:
        page: the id that stands for the page and for programs. Whoever uses them counts as the operator.
    """

    def __init__(self, client: discord.Client, page: int) -> None:
        self._client = client
        self._page = page
        self._writers: OrderedDict[tuple[int, int], discord.Member] = OrderedDict()

    async def note(self, message: discord.Message) -> None:
        """Remember who wrote a message, before it is answered (a listener for discord.py's ``on_message``)."""
        author = message.author
        if isinstance(author, discord.Member):
            self._writers[author.guild.id, author.id] = author
            self._writers.move_to_end((author.guild.id, author.id))
            while len(self._writers) > MAX_WRITERS:
                self._writers.popitem(last=False)

    def __call__(self, asker: Asker, permit: str) -> bool:
        """Whether the permit includes the asker. Only ``everyone`` includes people whom Discord does not show to us."""
        if asker.server == self._page:
            return for_the_operator(asker, permit)
        guild = self._client.get_guild(asker.server)
        member = None
        if guild is not None and asker.person is not None:
            member = guild.get_member(asker.person) or self._writers.get((guild.id, asker.person))
        return only_for_everyone(asker, permit) if member is None else Permit.parse(permit).allows(member)


class CallWithId(Protocol):
    """What the questions need of a call."""

    @property
    def id(self) -> str:
        """The id of the call."""
        ...


class ToolQuestions:
    """Asks with buttons in a channel whether a tool may run (:class:`~bot.tools.confirmation.Confirmation`).

    The asker can also answer in words (:meth:`hear`): a "yes" while the bot waits is not taken for a new question.

    Args:
        yes_no: recognises words for yes and no.
        call_in: returns the call whose prompts are typed in a channel (by id); ``None`` if there is none.
        seconds: how long a person can answer.
        clock: returns monotonic seconds.
    """

    def __init__(
        self,
        client: discord.Client,
        guard: Guard,
        yes_no: YesNoWords,
        call_in: Callable[[int], CallWithId | None],
        *,
        seconds: float = BUTTON_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._closing: set[asyncio.Task[None]] = set()
        self._call_in = call_in
        self._client = client
        self._guard = guard
        self._yes_no = yes_no
        self._seconds = seconds
        self._open: dict[int, _ToolQuestion] = {}
        """The newest open question of each person."""

    def open(self) -> None:
        """Answer people who press buttons of questions from before the bot's start. Call it on the event loop."""
        self._client.add_view(OutdatedQuestions(self._guard, _COMMAND, (YES_ID, NO_ID), anybody=True))

    def hear(self, person: int, words: str, where: int | str) -> bool:
        """Take a person's words as the answer to their open question. Returns whether they were its answer.

        Args:
            where: id of the channel in which they were written, or of the call in which they were spoken.
        """
        question = self._open.get(person)
        if question is None or question.is_finished() or not self._can_be_answered(question, where):
            return False
        if self._yes_no.is_yes(words):
            question.take(answer=True)
        elif self._yes_no.is_no(words):
            question.take(answer=False)
        return question.answer is not None

    def _can_be_answered(self, question: _ToolQuestion, where: int | str) -> bool:
        """Whether words that were written in a channel, or spoken in a call, answer this question."""
        if isinstance(where, int):
            return where == question.channel
        # What is said in a call answers neither what was asked elsewhere nor a question that nobody has read yet.
        read = self._clock() - question.asked_at >= READING_SECONDS
        call = None if question.channel is None else self._call_in(question.channel)
        return read and call is not None and call.id == where

    async def tell_failure(self, asker: Asker, text: str) -> None:
        """Write in the channel of the call that a server of tools has failed, or that a tool was held back.

        In the text chat, only the answer says so.
        """
        if asker.channel is not None and self._call_in(asker.channel) is not None:
            await tell_in(self._client, asker.channel, FAILED.format(text=text))

    def listen(self, event: CallEvent) -> None:
        """A :data:`~bot.voice.events.Watcher`: takes the words that a person says in a call, if they are an answer."""
        if isinstance(event, UtteranceHeard):
            self.hear(event.person, event.text, event.call)

    def can_ask(self, asker: Asker) -> bool:
        """Whether the asker is known, and is in a channel of Discord."""
        return asker.person is not None and self._channel(asker) is not None

    async def ask(self, asker: Asker, call: str) -> bool | None:
        """Ask below a message with two buttons. Cancelling ends the question.

        Returns:
            The answer; ``None`` if there is none in time, or if the message can't be posted.
        """
        channel = self._channel(asker)
        if channel is None or asker.person is None:
            return None
        text = ASKED.format(mention=f"<@{asker.person}>", call=shorten(call.replace("`", "'"), 1_500))
        view = _ToolQuestion(self._guard, asker, self._seconds, self._clock())
        # Somebody may answer before Discord has confirmed the message.
        self._open[asker.person] = view
        try:
            return await self._answer(channel, view, text, asker)
        except DISCORD_ERRORS as error:
            _log.warning("A person can't be asked about a tool: %s", discord_error_text(error))
            return None
        finally:
            view.stop()
            if self._open.get(asker.person) is view:
                del self._open[asker.person]

    async def _answer(
        self, channel: discord.abc.MessageableChannel, view: _ToolQuestion, text: str, asker: Asker
    ) -> bool | None:
        mentions = discord.AllowedMentions(users=[discord.Object(asker.person or 0)])
        message = await channel.send(text, view=view, allowed_mentions=mentions)
        name = discord.utils.escape_markdown(asker.name)
        ended = IN_WORDS.format(name=name)
        try:
            await view.wait()
            ended = NOT_ANSWERED if view.answer is None else (ALLOWED if view.answer else REFUSED).format(name=name)
        finally:
            # Discord may take seconds to edit the message. Neither a tool nor an interruption waits for that.
            closing = asyncio.create_task(_close(message, f"{text}\n{ended}"), name="closing a question about a tool")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        return view.answer

    async def close(self) -> None:
        """End what still runs."""
        await end_tasks(*self._closing)

    def _channel(self, asker: Asker) -> discord.abc.MessageableChannel | None:
        found = None if asker.channel is None else self._client.get_channel(asker.channel)
        return found if isinstance(found, discord.abc.Messageable) else None


async def _close(message: discord.Message, text: str) -> None:
    """Take the buttons away."""
    try:
        await message.edit(content=text, view=None, allowed_mentions=discord.AllowedMentions.none())
    except DISCORD_ERRORS as error:
        _log.warning("A question about a tool can't be closed: %s", discord_error_text(error))


class _ToolQuestion(GuardedView):
    def __init__(self, guard: Guard, asker: Asker, seconds: float, asked_at: float) -> None:
        super().__init__(guard, _COMMAND, anybody=True, timeout=seconds)
        self.answer: bool | None = None
        self.channel = asker.channel
        self.asked_at = asked_at
        """When the question was sent, in monotonic seconds."""
        self._asker = asker
        self.add_item(_Answer(YES_LABEL, YES_ID, discord.ButtonStyle.success, answer=True))
        self.add_item(_Answer(NO_LABEL, NO_ID, discord.ButtonStyle.secondary, answer=False))

    def refusal_for(self, person: discord.User | discord.Member) -> str | None:
        """An error text for everybody except the asker."""
        if person.id == self._asker.person:
            return None
        return NOT_ASKED.format(name=discord.utils.escape_markdown(self._asker.name))

    def take(self, *, answer: bool) -> None:
        """Record the answer, and end the question. An answer to a question that has ended changes nothing."""
        if self.is_finished():
            return
        self.answer = answer
        self.stop()


class _Answer(discord.ui.Button[_ToolQuestion]):
    def __init__(self, label: str, custom_id: str, style: discord.ButtonStyle, *, answer: bool) -> None:
        super().__init__(label=label, style=style, custom_id=custom_id)
        self._answer = answer

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Pass the answer on."""
        if self.view is not None:
            self.view.take(answer=self._answer)
        await interaction.response.defer()
