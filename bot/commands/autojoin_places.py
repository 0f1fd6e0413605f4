"""The voice channels that the bot joins automatically: who is there, calls in them, and texts about both."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import discord

from bot.access import Permit
from bot.autojoin.records import Choice
from bot.autojoin.rules import CallsNow, Room
from bot.calls import Calls
from bot.command_helpers import is_manager
from bot.commands.guarded_view import GuardedView
from bot.commands.outdated_questions import OUTDATED, OutdatedQuestions
from bot.discord_errors import DISCORD_ERRORS, discord_error_text
from bot.guard import Guard
from bot.ignored import IgnoredPeople
from bot.user_error import UserError
from bot.voice.discord.text_channel import PromptTextChannel, tell_in
from bot.voice.discord.voice_state import voice_state_notice

_log = logging.getLogger(__name__)

CAME = (
    "🎤 Somebody is in {channel}, so I came by myself. Send messages here to make me speak. `{prefix}leave` sends me "
    "away, and then I don't come back until {channel} has been empty."
)
WAITS = "⏳ {channel} waits for me: I'm in a call elsewhere. I come when that is over."
AWAITED = "⏳ Another server waits for me. I stay here as long as somebody is here, and go there after that."
FAILED = "🚪 I wanted to come into {channel} by myself, but can't:\n{text}"
ASKED = (
    "🎨 Somebody is in {channel}, but I'm still drawing or looking at pictures, and have waited for a minute. "
    "Shall I stop that and come?"
)
COME_LABEL, STAY_LABEL = "Come now", "Stay away"
SAID_COME = "✅ {name} said that I should come."
SAID_STAY = "❌ {name} said no, so I stay away until {channel} has been empty."
SETTLED = "⌛ That is settled."
ASKED_AGAIN = f"{OUTDATED} If I'm still busy, I ask again."
COME_ID, STAY_ID = "autojoin:yes", "autojoin:no"


class DiscordPlaces:
    """Looks at the chosen channels and starts calls there (:class:`~bot.autojoin.service.Places`). Not thread-safe.

    Args:
        join: who may bring the bot into a voice channel.
        ignored: people whom the bot ignores. It does not come for them, unless they may manage the server.
        allowed: returns whether the bot may go into a channel by itself.
    """

    def __init__(
        self,
        client: discord.Client,
        guard: Guard,
        calls: Calls,
        join: Permit,
        ignored: IgnoredPeople,
        allowed: Callable[[discord.VoiceChannel], bool],
        prefix: str,
    ) -> None:
        self._client = client
        self._guard = guard
        self._calls = calls
        self._join = join
        self._ignored = ignored
        self._allowed = allowed
        self._prefix = prefix
        self._questions: dict[int, _Question] = {}
        self._awaited: set[str] = set()

    def open(self) -> None:
        """Answer people who press buttons of questions from before the bot's start. Call it on the event loop."""
        self._client.add_view(OutdatedQuestions(self._guard, "join", (COME_ID, STAY_ID), ASKED_AGAIN))

    def look(self, choice: Choice) -> Room | None:
        """Look who is in the chosen channel; ``None`` if that can't be seen now. Ignores the quiet hours."""
        channel = self._channel(choice)
        if channel is None or channel.guild.unavailable:
            return None
        people = [member for member in channel.members if not member.bot]
        # Right after a restart, Discord may still show the bot in its last call.
        lingers = channel.guild.me.voice is not None and channel.guild.id not in self.calls().servers
        welcome = self._allowed(channel) and not lingers and any(map(self._may_call, people))
        return Room(occupied=bool(people), welcome=welcome)

    def calls(self) -> CallsNow:
        """The calls that are starting, on or ending."""
        return CallsNow(frozenset(channel.guild.id for channel in self._calls.occupied), self._calls.full)

    async def come(self, choice: Choice) -> None:
        """Start a call in the chosen channel, and greet one person, if the operator wants greetings.

        Raises:
            UserError: no call can be started. The text says why.
        """
        channel = self._channel(choice)
        if channel is None:
            raise UserError("❌ I don't see that voice channel any more.")
        prompts = channel.guild.get_channel_or_thread(choice.prompts)
        call = await self._calls.join(
            channel, prompts if isinstance(prompts, PromptTextChannel) else channel, lambda _: None
        )
        people = [member for member in call.channel.members if not member.bot]
        guests = [member for member in people if self._may_call(member)] or people
        if guests:
            call.arrived(guests[0].id)
        state = channel.guild.me.voice
        notice = voice_state_notice(None, state, self._prefix) if state is not None else None
        try:
            for text in filter(None, (CAME.format(channel=channel.name, prefix=self._prefix), notice)):
                await call.prompts.tell(text)
        except DISCORD_ERRORS as error:
            # The call is on. Nobody needs to read this to talk.
            _log.warning("Could not say that I came into a channel: %s", discord_error_text(error))

    async def tell_failure(self, choice: Choice, text: str) -> None:
        """Write why the bot could not come. Errors are only logged."""
        await tell_in(self._client, choice.prompts, FAILED.format(channel=self._name(choice), text=text))

    async def tell_waiting(self, choice: Choice) -> None:
        """Write that the bot comes after a call elsewhere. In each call that is on, write once that a server waits."""
        active = self._calls.active
        told, self._awaited = self._awaited, {call.id for call in active}
        for call in active:
            if call.id not in told:
                await tell_in(self._client, call.prompts.id, AWAITED)
        await tell_in(self._client, choice.prompts, WAITS.format(channel=self._name(choice)))

    async def ask(self, choice: Choice, answered: Callable[[bool], None]) -> None:
        """Ask with buttons whether running work should be stopped, until there is an answer or :meth:`withdraw`."""
        channel = self._client.get_channel(choice.prompts)
        if not isinstance(channel, discord.abc.Messageable):
            return
        self.withdraw(choice.server)
        question = self._questions[choice.server] = _Question(self._guard, answered)
        name = self._name(choice)
        text = ASKED.format(channel=name)
        try:
            message = await channel.send(text, view=question, allowed_mentions=discord.AllowedMentions.none())
            await question.wait()
            said = SETTLED if question.answer is None else SAID_COME if question.answer else SAID_STAY
            ending = said.format(name=discord.utils.escape_markdown(question.who), channel=name)
            await message.edit(content=f"{text}\n{ending}", view=None, allowed_mentions=discord.AllowedMentions.none())
        except DISCORD_ERRORS as error:
            _log.warning("Could not ask whether to come: %s", discord_error_text(error))
        finally:
            question.stop()
            if self._questions.get(choice.server) is question:
                del self._questions[choice.server]

    def withdraw(self, server: int) -> None:
        """Take back the question of :meth:`ask`."""
        if (question := self._questions.get(server)) is not None:
            question.stop()

    def _may_call(self, member: discord.Member) -> bool:
        ignored = self._ignored.include(member.guild.id, member.id) and not is_manager(member)
        return self._join.allows(member, in_call=True) and not ignored

    def _channel(self, choice: Choice) -> discord.VoiceChannel | None:
        guild = self._client.get_guild(choice.server)
        found = guild.get_channel(choice.channel) if guild is not None else None
        return found if isinstance(found, discord.VoiceChannel) else None

    def _name(self, choice: Choice) -> str:
        channel = self._channel(choice)
        return channel.name if channel is not None else "that channel"


class _Question(GuardedView):
    def __init__(self, guard: Guard, answered: Callable[[bool], None]) -> None:
        super().__init__(guard, "join", timeout=None)
        self.answer: bool | None = None
        self.who = ""
        self._answered = answered
        self.add_item(_Answer(COME_LABEL, COME_ID, discord.ButtonStyle.success, answer=True))
        self.add_item(_Answer(STAY_LABEL, STAY_ID, discord.ButtonStyle.secondary, answer=False))

    def take(self, who: str, *, answer: bool) -> None:
        """Record the first answer, and end the question."""
        if not self.is_finished():
            self.answer, self.who = answer, who
            self.stop()
            self._answered(answer)


class _Answer(discord.ui.Button[_Question]):
    def __init__(self, label: str, custom_id: str, style: discord.ButtonStyle, *, answer: bool) -> None:
        super().__init__(label=label, style=style, custom_id=custom_id)
        self._answer = answer

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Pass the answer on."""
        await interaction.response.defer()
        if self.view is not None:
            self.view.take(interaction.user.display_name, answer=self._answer)
