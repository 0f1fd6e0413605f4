"""Restarts of the bot on Discord: what a call does before one, and how the bot goes back into it afterwards."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any

import aiosqlite
import discord

from bot.calls import Calls
from bot.conversations.keeping import Conversations
from bot.conversations.records import ConversationPlace
from bot.discord_errors import DISCORD_ERRORS, discord_error_detail, discord_error_text
from bot.features.text_chat.past_messages import find_message
from bot.features.text_chat.service import TextChat
from bot.llm.history import Turn
from bot.llm.spoken_lines import Announcement
from bot.replying import reply_to
from bot.restart.records import InterruptedCall, RestartRecords, UnansweredPrompt
from bot.restart.rules import RoomNow, goes_back
from bot.restarting import RESTARTING
from bot.store import CallRecord
from bot.text import shorten
from bot.user_error import UserError
from bot.voice.call import Call
from bot.voice.discord.link import VoiceChannel
from bot.voice.discord.text_channel import PromptTextChannel, tell_in
from bot.voice.discord.transport import DiscordCall
from bot.voice.earlier_call import EarlierCall
from bot.voice.listening_notice import CallMode
from bot.voice.transport import EndCause
from bot.voice.turn import Prompt, PromptKind
from config.sections import Captions

_log = logging.getLogger(__name__)

LOST_CALL_LEFT = "👋 I was restarted in the middle of our call and had to leave. `{prefix}join` brings me back."
STILL_HERE = "👋 I was restarted. Shall we go on in {channel}? I remember where we were."
BACK = "👋 I'm back. Where were we?"
CANT_RETURN = "👋 I was restarted, and wanted to come back into {channel}, but can't:\n{text}"
NOT_SEEN = "❌ I don't see that voice channel any more."
WRITE_AGAIN = "👋 I was restarted before I could answer that. Write to me again."
NOT_READ = "👋 I was restarted before I could say this: “{text}”"
SAY_AGAIN = "👋 I was restarted before I could answer what {name} said: “{text}” Say it to me again."
SHOWN_CHARS = 300
"""Maximum number of characters that are shown of what was not answered."""
SAME_CALL = 30.0
"""A stored conversation belongs to a call if it ended at most this number of seconds before the call's end."""
LONGEST_SILENCE = 3_600.0
"""The same limit as :data:`SAME_CALL`, for a call during which the bot was killed. The end of such a call is not known:
the bot's next start counts as the end of the call, and the last turn as the end of the conversation.
"""
GO_ON_LIMIT = 900.0
"""Seconds for which people can go on with a call by a button."""
LINGER_LIMIT, LINGER_POLL = 5.0, 0.1
"""After a restart, Discord may still show the bot in its last call: seconds to wait for that to end, and seconds
between two looks.
"""


@dataclass(frozen=True, slots=True)
class ReturnRules:
    """The conditions under which the bot goes into a channel by itself.

    Attributes:
        started_at: when the bot was started, in seconds since 1970.
        welcome: gets a call. Returns True if the bot may go into the call's channel by itself, and if somebody there
            may bring the bot into a call.
        clock: returns seconds since 1970.
    """

    started_at: float
    welcome: Callable[[InterruptedCall], bool]
    clock: Callable[[], float] = time.time


class Returning:
    """Prepares the calls for a restart, and goes back into them after it. Not thread-safe.

    Args:
        end_sentences: lets the sentence that is being spoken in each call end, within a limit of its own. Takes a
            function that returns whether a prompt of a call is kept.
        chat: the text chat; ``None`` if there is none.
        features: functions of other features, called before the restart. Each tells people which of their wishes its
            feature gives up.
        conversations: has what was said in a call, and says whose spoken words may be stored.
        prefix: the prefix of commands.

    Attributes:
        button: the button to go on with a call (:meth:`go_on`).
    """

    def __init__(
        self,
        client: discord.Client,
        calls: Calls,
        records: RestartRecords,
        end_sentences: Callable[[Callable[[Call[Any], Prompt], bool]], Awaitable[None]],
        chat: TextChat | None,
        features: Sequence[Callable[[], Coroutine[Any, Any, None]]],
        conversations: Conversations,
        rules: ReturnRules,
        prefix: str,
    ) -> None:
        self._client = client
        self._calls = calls
        self._records = records
        self._end_sentences = end_sentences
        self._chat = chat
        self._features = features
        self._conversations = conversations
        self._rules = rules
        self._prefix = prefix
        self.button: discord.ui.View | None = None
        self._interrupted: dict[DiscordCall, InterruptedCall] = {}
        self._left: set[int] = set()
        """The ids of the text channels of calls that are over already."""

    # Before the restart.

    async def begin(self) -> None:
        """Begin nothing new, and let what is being said end. People who write or speak from now on are told to wait."""
        self._calls.restarting = True
        for call in self._calls.active:
            # After the end of the call, its place is not known any more.
            self._interrupted[call] = InterruptedCall(
                *(call.channel.guild.id, call.channel.id, call.prompts.id, self._rules.clock()),
                frozenset(_people_in(call.channel)),
                *(call.language, call.listening, call.mode.value, call.captions.value),
            )
        features = (*(() if self._chat is None else (self._chat.begin_restart,)), *self._features)
        beginning = [asyncio.create_task(begin(), name="restart") for begin in features]
        await self._end_sentences(self._keeps)
        await asyncio.gather(*beginning)

    async def call_ended(self, call: Call[Any], cause: EndCause) -> None:
        """Keep a call that the restart has ended, and the prompts that this call has put aside.

        Called after each call. The prompts are also kept if the call has ended for another reason just before the
        restart, for their authors were told that they wait.
        """
        interrupted = self._interrupted.pop(call, None) if isinstance(call, DiscordCall) else None
        if interrupted is None:
            return
        now = self._rules.clock()
        try:
            if cause is EndCause.SHUTDOWN:
                self._left.add(interrupted.prompt_channel)
                await self._records.keep_call(replace(interrupted, ended_at=now))
            await self._records.keep(_prompts_of(call, interrupted.prompt_channel), now)
        except aiosqlite.Error as error:
            _log.warning("I can't go back into a call after the restart, since it can't be stored: %s", error)

    async def hear(self, message: discord.Message) -> None:
        """Store a message for a call that is over already. Such messages come until the bot leaves Discord."""
        author, text = message.author, message.content
        if message.channel.id not in self._left or author.bot or not text or text.startswith(self._prefix):
            return
        if self._chat is not None and self._chat.is_for_bot(message):
            return
        prompt = UnansweredPrompt(message.channel.id, message.id, author.id, author.display_name, text)
        try:
            await self._records.keep([prompt], self._rules.clock())
            await reply_to(message, RESTARTING)
        except (*DISCORD_ERRORS, aiosqlite.Error) as error:
            _log.warning("Message %d may get no answer: %s", message.id, discord_error_detail(error))

    def _keeps(self, call: Call[Any], prompt: Prompt) -> bool:
        """Whether a prompt of a call is kept. It must come from a known person on Discord; spoken words must also be
        allowed to be stored.

        A text in another voice than the usual one is not kept, because it only shows how that voice sounds. The bot's
        own answer to a command is not kept either: it may be private, and what is kept may be quoted after the restart.
        """
        if not isinstance(call, DiscordCall) or prompt.person is None:
            return False
        if prompt.voice is not None or prompt.answers_command:
            return False
        place = ConversationPlace(call.transport.kind, call.transport.place, call.server, call.prompts.id)
        return prompt.message is not None or self._conversations.keeps(place, prompt.person)

    # After the restart.

    async def come_back(self) -> None:
        """Go back into the calls that the restart has interrupted.

        If the bot does not go back into a call, the people who wait for an answer in it get a text.

        What is done is forgotten at once, and nothing else: if the bot is restarted again before everything is done,
        the next start does the rest.

        Called when discord.py's cache is complete.
        """
        try:
            await self._records.forget_offered(self._rules.clock() - GO_ON_LIMIT)
            calls = await self._records.calls()
            prompts = await self._records.unanswered(self._rules.started_at - GO_ON_LIMIT)
            for call in calls:
                here = [each for each in prompts if each.channel == call.prompt_channel]
                if await self._return_to(call, here):
                    prompts = [each for each in prompts if each not in here]
            for prompt in prompts:
                if self._calls.restarting:
                    return
                await self._tell(prompt)
                await self._records.forget_prompts([prompt])
        except aiosqlite.Error as error:
            _log.warning("What the restart has interrupted can't be read: %s", error)

    async def _return_to(self, call: InterruptedCall, prompts: Sequence[UnansweredPrompt]) -> bool:
        """Go back into a call, if the rules allow it, and answer its prompts. Returns whether it is on again."""
        room = await self._room(call)
        since = self._rules.started_at - call.ended_at
        if not goes_back(call.present, since, room):
            if room is not None and room.people & call.present and abs(since) <= GO_ON_LIMIT:
                await self._offer(call, STILL_HERE.format(channel=self._name(call)))
            else:
                await self._records.forget_call(call)
            return False
        failure = None
        try:
            session = await self.join(call, prompts)
        except UserError as error:
            failure = CANT_RETURN.format(channel=self._name(call), text=error)
        except Exception:
            # The next attempt could come much later, when nobody expects the bot any more.
            await self._records.forget_call(call)
            raise
        if self._calls.restarting:
            # The next start goes back.
            return False
        await self._records.forget_call(call)
        if failure is not None:
            await tell_in(self._client, call.prompt_channel, failure)
            return False
        for each in prompts:
            if not session.may_talk(each.person) or not self._may_show(each):
                continue
            kind = PromptKind.RECITE if each.recited else PromptKind.ASK
            session.say(Prompt(each.name, each.text, time.monotonic(), each.message, kind, person=each.person))
        await self._records.forget_prompts(prompts)
        return True

    async def join(self, call: InterruptedCall, prompts: Sequence[UnansweredPrompt] = ()) -> DiscordCall:
        """Join a call's channel, and go on from what was said in the call.

        Args:
            prompts: the prompts that are asked again.

        Raises:
            UserError: no call can be started. The text says why.
        """
        voice = self._voice(call)
        asked_in = self._client.get_channel(call.prompt_channel)
        if voice is None:
            raise UserError(NOT_SEEN)
        place = ConversationPlace("discord", voice.name, call.guild, call.prompt_channel)
        since = call.ended_at - (LONGEST_SILENCE if call.killed else SAME_CALL)
        turns = await self._conversations.last_turns(place, since)
        earlier = EarlierCall(_without(turns, prompts), call.present, call.language)

        def go_on(session: DiscordCall) -> None:
            session.go_on_with(earlier)
            if call.killed:
                return
            try:
                session.mode, session.captions = CallMode(call.mode), Captions(call.captions)
            except ValueError as error:
                _log.warning("What was chosen for the last call can't be read, so the usual choices apply: %s", error)
            if not call.listening:
                session.listening = False

        where = asked_in if isinstance(asked_in, PromptTextChannel) else voice
        session = await self._calls.join(voice, where, lambda _: None, prepare=go_on)
        try:
            await session.announce(BACK, Announcement.BACK)
        except DISCORD_ERRORS as error:
            _log.warning("Could not say that I am back: %s", discord_error_text(error))
        return session

    # The button.

    async def offer_lost_call(self, lost: CallRecord) -> None:
        """Offer to go on with a call during which the bot was killed."""
        call = InterruptedCall(
            *(lost.guild, lost.voice_channel, lost.prompt_channel, self._rules.started_at, frozenset(), None),
            *(True, CallMode.TALK.value, Captions.OFF.value),
        )
        try:
            await self._offer(call, LOST_CALL_LEFT.format(prefix=self._prefix))
        except aiosqlite.Error as error:
            _log.warning("Nobody can go on with the last call, since it can't be stored: %s", error)

    async def _offer(self, call: InterruptedCall, text: str) -> None:
        """Post a button to go on with a call."""
        await self._records.keep_call(replace(call, offered_at=self._rules.clock()))
        channel = self._client.get_channel(call.prompt_channel)
        if isinstance(channel, discord.abc.Messageable):
            try:
                await channel.send(text, view=self.button or discord.utils.MISSING)
            except DISCORD_ERRORS as error:
                _log.warning("Could not offer to go on with the last call: %s", discord_error_text(error))

    async def offered(self, guild: int) -> VoiceChannel | None:
        """The voice channel of a server's last call, if people can go on with that call; otherwise ``None``."""
        call = await self._records.offered(guild, self._rules.clock() - GO_ON_LIMIT)
        return None if call is None else self._voice(call)

    async def go_on(self, guild: int) -> None:
        """Go on with the call on a server.

        Raises:
            UserError: no call can be started. The text says why.
        """
        call = await self._records.offered(guild, self._rules.clock() - GO_ON_LIMIT)
        if call is None:
            raise UserError(NOT_SEEN)
        await self.join(call)
        await self._records.forget_call(call)

    def _voice(self, call: InterruptedCall) -> VoiceChannel | None:
        channel = self._client.get_channel(call.voice_channel)
        return channel if isinstance(channel, discord.VoiceChannel | discord.StageChannel) else None

    def _name(self, call: InterruptedCall) -> str:
        voice = self._voice(call)
        return voice.name if voice is not None else "that channel"

    async def _room(self, call: InterruptedCall) -> RoomNow | None:
        """The call's voice channel now; ``None`` if it can't be seen."""
        voice = self._voice(call)
        if voice is None or voice.guild.unavailable:
            return None
        # As long as Discord shows the bot in its last call, Discord would throw the bot out of the next one.
        waited = 0.0
        while voice.guild.me.voice is not None and waited < LINGER_LIMIT:
            await asyncio.sleep(LINGER_POLL)
            waited += LINGER_POLL
        return RoomNow(frozenset(_people_in(voice)), self._rules.welcome(call))

    def _may_show(self, prompt: UnansweredPrompt) -> bool:
        """Whether a prompt's words may still be used: written ones always, spoken ones if they may still be stored."""
        if prompt.message is not None:
            return True
        channel = self._client.get_channel(prompt.channel)
        server = channel.guild.id if isinstance(channel, PromptTextChannel) else None
        return self._conversations.may_show(server, prompt.person)

    async def _tell(self, prompt: UnansweredPrompt) -> None:
        """Tell a person that their prompt was not answered, or not read aloud."""
        if not self._may_show(prompt):
            return
        name, text = discord.utils.escape_markdown(prompt.name), shorten(prompt.text, SHOWN_CHARS)
        not_read = NOT_READ.format(text=text) if prompt.recited else None
        if prompt.message is None:
            await tell_in(self._client, prompt.channel, not_read or SAY_AGAIN.format(name=name, text=text))
            return
        try:
            message = await find_message(self._client, prompt.channel, prompt.message)
            if message is not None:
                await reply_to(message, not_read or WRITE_AGAIN)
        except DISCORD_ERRORS as error:
            _log.warning("%s could not be told of an unanswered message: %s", prompt.name, discord_error_text(error))


def _people_in(channel: VoiceChannel) -> list[int]:
    return [member.id for member in channel.members if not member.bot]


def _prompts_of(call: Call[Any], channel: int) -> list[UnansweredPrompt]:
    """The prompts of known people that a call has put aside, as they are stored."""
    return [
        UnansweredPrompt(
            *(channel, each.message, each.person, each.author, each.text, each.kind is PromptKind.RECITE),
        )
        for each in call.conversation.set_aside
        if each.person is not None
    ]


def _without(turns: Sequence[Turn], prompts: Sequence[UnansweredPrompt]) -> list[Turn]:
    """The turns without those that are asked again."""
    left = list(turns)
    for prompt in prompts:
        same = [turn for turn in left if turn.person == prompt.person and turn.text == prompt.text]
        if same:
            left.remove(same[-1])
    return left
