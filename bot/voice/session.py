"""One connected voice channel and everything alive in it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import discord
from discord.utils import escape_markdown

from bot.characters import LocalCharacter
from bot.consent import ListeningConsent
from bot.llm.circumstances import CallRoom
from bot.llm.personas import Character
from bot.speech_server.errors import SpeechUnavailable
from bot.speech_server.stream import SpeechStream
from bot.voice.character_changes import CharacterChanges
from bot.voice.dialogue.conversation import Conversation, Manner
from bot.voice.dialogue.progress import DialogueTexts
from bot.voice.dialogue.state_machine import Dialogue
from bot.voice.discord.caption_outlet import DiscordCaptionOutlet
from bot.voice.discord.link import VoiceChannel, VoiceLink
from bot.voice.discord.permissions import missing_permissions, permission_advice
from bot.voice.discord.prompt_channel import DiscordPromptChannel, PromptTextChannel
from bot.voice.events import CallBegan, CallEnded, CallEvent, Watcher
from bot.voice.hearing import Hearing, HearingOptions
from bot.voice.manager import CallError, EndCause
from bot.voice.ports import Companion
from bot.voice.records.captions import CaptionWriter
from bot.voice.remarks.remark import SpokenCommand
from bot.voice.remarks.voice_commands import VoiceCommand
from bot.voice.speaking.playback import ReplyAudioSource
from bot.voice.speaking.reply_voice import ReplyVoice
from bot.voice.speaking.sender import FrameSender
from bot.voice.transcribe.transcriber import Transcriber
from bot.voice.turn import Prompt, PromptKind

_log = logging.getLogger(__name__)

CHANNEL_FULL = "❌ Voice channel is full!"
TTS_UNAVAILABLE = "❌ TTS pipeline not available. {cause}"
SAID = "You said: {text}"
SAID_NOTHING = "You have said nothing before that."
NOT_IN_THE_CALL = "I only do that for people in the call."


LoadingReport = Callable[[float], None]
"""Told how far something is loaded, 0 to 1."""


@dataclass(frozen=True, slots=True)
class CallPlace:
    """Where a call is to be: the voice channel to join and the text channel that prompts come from."""

    voice: VoiceChannel
    prompts: PromptTextChannel


@dataclass(frozen=True, slots=True)
class CallEngines:
    """What a call thinks, speaks and understands with.

    ``character`` says who the bot is on the call's server. ``make_companion`` builds the mind, which is told where the
    call is and who is in it; ``make_voice`` the connection to the speech server. ``manner`` says how the next reply is
    to be spoken.
    """

    character: LocalCharacter
    make_companion: Callable[[Callable[[], CallRoom]], Companion]
    make_voice: Callable[[], SpeechStream]
    manner: Manner
    transcriber: Transcriber


@dataclass(frozen=True, slots=True)
class CallOptions:
    """What the operator decided about calls.

    The call ends after ``alone_timeout`` seconds without any person in the channel, and after ``voiceless_timeout``
    seconds without the speech server. ``refuses`` says what is answered to somebody whose spoken command is not obeyed,
    and ``None`` where it is.
    """

    alone_timeout: float
    voiceless_timeout: float
    hearing: HearingOptions
    refuses: Callable[[VoiceCommand, discord.Member], str | None]


class VoiceSession:
    """A call. Made idle; :meth:`open` connects it, :meth:`close` ends all it started.

    Args:
        volume: 0 to 2.
        report: told how far the voice is loaded, while the call is opened and its voice is not there yet.
        consent: who may be listened to.
    """

    def __init__(
        self,
        place: CallPlace,
        engines: CallEngines,
        consent: ListeningConsent,
        options: CallOptions,
        *,
        volume: float,
        report: LoadingReport,
        watch: Watcher,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.prompts = DiscordPromptChannel(place.prompts)
        self.link = VoiceLink(place.voice, clock=clock)
        self._alone_timeout = options.alone_timeout
        self._voiceless_timeout = options.voiceless_timeout
        self._refuses = options.refuses
        self._clock = clock
        self._watch = watch
        self._report = report
        self._voice = engines.make_voice()
        self._playback = ReplyAudioSource(asyncio.get_running_loop(), clock=clock)
        self._playback.volume = volume
        self._character = engines.character
        self._captions = CaptionWriter(
            DiscordCaptionOutlet(place.prompts, f"{self._name()} in {place.voice.name}"),
            self._name,
            options.hearing.captions,
        )
        voice = ReplyVoice(self._voice, lambda text: self.conversation.tell(text))
        self.conversation = Conversation(
            Dialogue(lambda: DialogueTexts.of(self._character.now().persona)),
            engines.make_companion(self._room),
            voice,
            self._playback,
            self.prompts,
            watch=self._tell,
            manner=engines.manner,
            clock=clock,
        )
        self.hearing = Hearing(
            self.link,
            self.conversation,
            self.prompts,
            engines.transcriber,
            consent,
            self._captions,
            self._character,
            options.hearing,
            manner=lambda: voice.parameters,
            command=self._obey,
            watch=self._tell,
            clock=clock,
        )
        self._changes = CharacterChanges(self._character, self.conversation.tell, self._recite)
        self._playback.listener = self.conversation
        self._talking: asyncio.Task[None] | None = None
        self._asked_to_leave = asyncio.Event()
        self._open = AsyncExitStack()
        self._began = False

    def _tell(self, event: CallEvent) -> None:
        self._captions(event)
        self.hearing.note(event)
        self._watch(event)

    def _name(self) -> str:
        return self._character.now().persona.name

    def _room(self) -> CallRoom:
        channel = self.channel
        return CallRoom(channel.name, tuple(member.display_name for member in channel.members if not member.bot))

    @property
    def character(self) -> Character:
        """Who the bot is in this call, now."""
        return self._character.now()

    @property
    def channel(self) -> VoiceChannel:
        """The voice channel the bot is in."""
        return self.link.channel

    @property
    def voice_connected(self) -> bool:
        """True while the speech server can be reached."""
        return self._voice.connected

    @property
    def volume(self) -> float:
        """How loud the bot speaks, 0 to 2."""
        return self._playback.volume

    @volume.setter
    def volume(self, value: float) -> None:
        self._playback.volume = value

    async def check(self) -> None:
        """See whether the call can be had, before anything is held for it.

        Raises:
            CallError: the channel is full, a permission is missing, or the speech server can't be reached.
        """
        channel = self.link.channel
        me = channel.guild.me
        missing = missing_permissions(channel, self.prompts.channel, me)
        if missing:
            raise CallError(permission_advice(missing, me.id))
        full = channel.user_limit and len(channel.members) >= channel.user_limit and me not in channel.members
        if full and not channel.permissions_for(me).move_members:
            raise CallError(CHANNEL_FULL)
        try:
            await self._voice.open()
        except SpeechUnavailable as error:
            raise CallError(TTS_UNAVAILABLE.format(cause=error)) from error
        self._open.push_async_callback(self._voice.close)

    async def open(self) -> None:
        """Join the channel and begin to converse.

        Raises:
            CallError: Discord did not let us in.
        """
        self._open.push_async_callback(self.link.close)
        await self.link.connect()
        await self._voice.loaded(self._report)
        sender = FrameSender(self._playback, self.link.sink, sent=self._sent, clock=self._clock)
        self._open.push_async_callback(asyncio.to_thread, sender.end)
        sender.start()
        self._talking = asyncio.create_task(self._talk(), name="conversation")
        self._open.push_async_callback(self._stop_talking)
        self._open.callback(self._character.watch(self.conversation.get_ready))
        self._began = True
        self._watch(CallBegan(self.channel.name, self.link.encrypted))

    def _sent(self, pcm: bytes, at: float) -> None:
        self.hearing.ear.played(pcm, at, self._playback.sounding)

    async def _talk(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.conversation.run(), name="conversation: speaking")
            tasks.create_task(self.hearing.run(), name="conversation: listening")
            tasks.create_task(self._changes.run(), name="conversation: moods and personas")

    def _obey(self, command: SpokenCommand) -> None:
        """Do what was asked for aloud."""
        refusal = self._refusal(command)
        if refusal is not None and command.command is VoiceCommand.STOP:
            # Whoever wants silence is not talked to.
            self.conversation.tell(f"🔒 {escape_markdown(command.author)}: {refusal}")
            return
        if refusal is not None:
            self._recite(command, refusal)
            return
        match command.command:
            case VoiceCommand.LEAVE:
                self._asked_to_leave.set()
            case VoiceCommand.STOP:
                self.conversation.stop()
            case VoiceCommand.REPEAT_ME:
                self._recite(command, SAID.format(text=command.before) if command.before else SAID_NOTHING)
            case VoiceCommand.MOOD | VoiceCommand.PERSONA:
                self._changes.ask(command)

    def _recite(self, command: SpokenCommand, text: str) -> None:
        prompt = Prompt(command.author, text, self._clock(), kind=PromptKind.RECITE, person=command.person)
        self.conversation.prompt(prompt)

    def _refusal(self, command: SpokenCommand) -> str | None:
        member = next((member for member in self.channel.members if member.id == command.person), None)
        return NOT_IN_THE_CALL if member is None else self._refuses(command.command, member)

    def say(self, prompt: Prompt) -> None:
        """Take a prompt; it is answered after those before it."""
        self.conversation.prompt(prompt)

    async def wait_lost(self) -> EndCause:
        """Return when the call can't go on: put out, connection or voice lost, left alone, or a fault of our own."""
        if self._talking is None:
            raise RuntimeError("the session is not open")
        ends = [
            asyncio.create_task(end, name="end of the call")
            for end in (self.link.wait_lost(), self._wait_alone(), self._wait_voiceless(), self._wait_sent_away())
        ]
        try:
            await asyncio.wait([*ends, self._talking], return_when=asyncio.FIRST_COMPLETED)
            for end in ends:
                if end.done():
                    return end.result()
            _log.error("The conversation ended by itself", exc_info=self._talking.exception())
            return EndCause.FAILURE
        finally:
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)

    async def _wait_alone(self) -> EndCause:
        await self._wait_while(lambda: all(member.bot for member in self.channel.members), self._alone_timeout)
        return EndCause.ALONE

    async def _wait_voiceless(self) -> EndCause:
        await self._wait_while(lambda: not self._voice.connected, self._voiceless_timeout)
        return EndCause.VOICE_LOST

    async def _wait_sent_away(self) -> EndCause:
        await self._asked_to_leave.wait()
        return EndCause.VOICE_COMMAND

    async def _wait_while(self, condition: Callable[[], bool], seconds: float) -> None:
        """Return when the condition has held for so long without a break."""
        since: float | None = None
        while True:
            await asyncio.sleep(min(1.0, seconds / 4))
            if not condition():
                since = None
                continue
            since = self._clock() if since is None else since
            if self._clock() - since >= seconds:
                return

    async def _stop_talking(self) -> None:
        self.conversation.stop()
        if self._talking is not None:
            self._talking.cancel()
            await asyncio.gather(self._talking, return_exceptions=True)

    async def close(self, cause: EndCause) -> None:
        """Fall silent, leave, and let go of everything; also after a failed or cancelled :meth:`open`."""
        name = self.channel.name
        await self._open.aclose()
        if self._began:
            self._began = False
            self._watch(CallEnded(name, cause.value))
