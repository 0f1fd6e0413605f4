"""The listening half of a call: ears, turns, captions, recording, and whom it may listen to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from audio.samples import Sound16
from bot.characters import LocalCharacter
from bot.consent import ListeningConsent, ListeningGate
from bot.voice.dialogue.conversation import Conversation
from bot.voice.discord.link import VoiceChannel, VoiceLink
from bot.voice.discord.people import BargeInRule, ChannelParticipants
from bot.voice.discord.prompt_channel import DiscordPromptChannel
from bot.voice.discord.receiver import Receiver
from bot.voice.ear import Ear
from bot.voice.echo.detector import EchoDetector
from bot.voice.events import CallEvent, Watcher
from bot.voice.listening import CallMode, listening_notice
from bot.voice.records.captions import CaptionWriter
from bot.voice.records.recorder import CallRecorder, recording_folder
from bot.voice.records.remaking_notes import AnswerListener
from bot.voice.records.voice_sample import SampleError, VoiceSample
from bot.voice.remarks.judge import CallJudge
from bot.voice.remarks.remark import SpokenCommand
from bot.voice.transcribe.transcriber import Transcriber, TranscriptionError
from bot.voice.turn import Prompt, PromptKind, TurnId
from bot.voice.turn_taking import TurnTaking
from bot.voice.turns.turns import turns_with
from config.settings import AnswerPolicy, Captions
from config.types import KeptDays
from wire.parameters import SpeechParameters

_log = logging.getLogger(__name__)

NOT_UNDERSTOOD = "🙉 I can't make out what you say: {cause} You can still type to me."

SAMPLE_TURN = -1
"""The number of a turn that no detector gives: in it a person speaks for a sample."""
AFTER_SAMPLE = 2.0
"""Seconds in which somebody may finish what they said for a sample without being answered."""


@dataclass(frozen=True, slots=True)
class HearingOptions:
    """What the operator decided about listening.

    ``prefix`` is what commands begin with. ``data_dir`` is where recordings go. ``audience`` says who (a user id) is
    answered in a call in a channel. ``sound_goes_to`` is the host that turns speech into text, if it is another.
    ``remake_recordings``: it is noted what was answered in them, so that a better voice can say it again.
    ``speech_detector`` is the file of Silero's network, where it is not to be faster-whisper's copy.
    ``keep_days`` is how long what is said is kept, in words.
    """

    prefix: str
    answer_to: AnswerPolicy
    barge_in: BargeInRule
    captions: Captions
    data_dir: Path
    audience: Callable[[VoiceChannel, int], bool]
    sound_goes_to: str | None = None
    remake_recordings: bool = False
    speech_detector: Path | None = None
    keep_days: KeptDays = 0


class Hearing:
    """Everything of a call that listens; :meth:`run` lives as long as the call.

    It satisfies :class:`~bot.commands.listening.ListeningControls`. All of it belongs to the event loop.

    Args:
        character: who the bot is; what it is called follows that.
        manner: how the last reply was asked to be spoken.
        command: does what is asked for aloud.
        watch: told what is heard.
    """

    def __init__(
        self,
        link: VoiceLink,
        conversation: Conversation,
        prompts: DiscordPromptChannel,
        transcriber: Transcriber,
        consent: ListeningConsent,
        captions: CaptionWriter,
        character: LocalCharacter,
        options: HearingOptions,
        *,
        manner: Callable[[], SpeechParameters],
        command: Callable[[SpokenCommand], None],
        watch: Watcher,
        clock: Callable[[], float],
    ) -> None:
        self._link = link
        self._conversation = conversation
        self._prompts = prompts
        self._transcriber = transcriber
        self._consent = consent
        self._captions = captions
        self._options = options
        self._manner = manner
        self._clock = clock
        self._recorder: CallRecorder | None = None
        self._answers: AnswerListener | None = None
        self._sample: VoiceSample | None = None
        self._gate = ListeningGate(consent)
        self._participants = ChannelParticipants(
            lambda: link.channel,
            options.barge_in,
            lambda: conversation.answered,
            lambda: character.now().persona.names,
            options.audience,
        )
        self._judge = CallJudge(conversation, self._participants, character, options.answer_to, clock=clock)
        self._turn_taking = TurnTaking(
            transcriber,
            conversation,
            self._participants,
            self._judge,
            hint=lambda turn, text: self.ear.transcript(turn, text),
            command=command,
            trouble=self._tell_trouble,
            watch=watch,
            clock=clock,
        )
        self.ear = Ear(
            lambda out: Receiver(link.packets, link.packets, out, self._listens_to),
            turns_with(options.speech_detector),
            EchoDetector(),
            self._turn_taking.on_turn_event,
            asyncio.get_running_loop(),
            clock=clock,
        )

    def _listens_to(self, person: int) -> bool:
        """Asked for every packet, on the listening thread."""
        return self._gate.admits(person) and not self._participants.is_bot(person)

    async def run(self) -> None:
        """Listen until cancelled; then close what is kept, and let the transcriber give its memory back.

        What is said while the transcriber still gets ready waits for it: the first sentence of a call is not lost.
        """
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._transcriber.rest)
            stack.push_async_callback(self._captions.close)
            self._captions.start()
            stack.push_async_callback(self.stop_recording)
            stack.callback(self._drop_sample, "The call is over.")
            stack.callback(self._consent.watch(self._forget))
            stack.push_async_callback(asyncio.to_thread, self.ear.end)
            self.ear.start()
            stack.callback(self._link.packets.listen(self.ear))
            self._conversation.tell(self._notice())
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._turn_taking.run(), name="turn taking")
                tasks.create_task(self._warm_up(), name="transcriber warm-up")

    def _notice(self) -> str:
        options = self._options
        return listening_notice(
            options.prefix,
            self._consent.policy,
            self.channel.name,
            self.captions,
            keep_days=options.keep_days,
            sound_goes_to=options.sound_goes_to,
        )

    async def _warm_up(self) -> None:
        try:
            await self._transcriber.warm_up()
        except TranscriptionError as error:
            _log.error("Nobody can be understood: %s", error)
            self._tell_trouble(str(error))

    def _tell_trouble(self, cause: str) -> None:
        self._conversation.tell(NOT_UNDERSTOOD.format(cause=cause))

    def may_talk(self, person: int) -> bool:
        """Whether somebody (a user id) is answered, spoken or typed."""
        return self._participants.may_talk(person)

    # What people decide while it is on.

    @property
    def channel(self) -> VoiceChannel:
        """Where the call is on."""
        return self._link.channel

    @property
    def listening(self) -> bool:
        """Whether it listens to anybody."""
        return self._gate.listening

    @listening.setter
    def listening(self, listening: bool) -> None:
        self._gate.listening = listening
        if not listening:
            self.ear.forget_everyone()
            self._drop_sample("I don't listen to anybody any more.")

    @property
    def captions(self) -> Captions:
        """Where it is written down who said what."""
        return self._captions.place

    @captions.setter
    def captions(self, place: Captions) -> None:
        self._captions.place = place

    @property
    def mode(self) -> CallMode:
        """Whether what is heard is answered."""
        return self._turn_taking.mode

    @mode.setter
    def mode(self, mode: CallMode) -> None:
        self._turn_taking.mode = mode

    @property
    def recording(self) -> bool:
        """Whether sound is being kept."""
        return self._recorder is not None and self._recorder.recording

    async def start_recording(self) -> None:
        """Keep sound from now on; raises :class:`~bot.voice.records.recorder.RecordingError`."""
        if self.recording:
            return
        # One may have ended by itself.
        await self.stop_recording()
        loop = asyncio.get_running_loop()

        def on_end(reason: str) -> None:
            loop.call_soon_threadsafe(self._conversation.tell, reason)

        folder = recording_folder(self._options.data_dir, self.channel.name, datetime.now(UTC))
        recorder = CallRecorder(folder, self._participants.name, on_end, clock=self._clock)
        await asyncio.to_thread(recorder.start)
        self._recorder = self.ear.keeper = recorder
        if self._options.remake_recordings:
            self._answers = AnswerListener(recorder, self._manner)

    async def stop_recording(self) -> None:
        """Keep no more, and close the files."""
        recorder, self._recorder, self.ear.keeper = self._recorder, None, None
        answers, self._answers = self._answers, None
        if recorder is not None:
            await asyncio.to_thread(recorder.close)
        if answers is not None:
            await asyncio.to_thread(answers.write_notes, self._prompts.channel.id)

    def note(self, event: CallEvent) -> None:
        """Take what has happened in the call, for what is kept of it."""
        if self._answers is not None:
            self._answers(event)

    async def sample_voice(self, person: int) -> Sound16:
        """Some seconds of what a person says, who has agreed to give them; nobody answers it, and I am silent in them.

        Raises:
            SampleError: they can't be had, or are no longer to be had.
        """
        if self._sample is not None:
            raise SampleError("I'm already recording somebody's voice.")
        if not self._gate.admits(person):
            raise SampleError("I don't listen to them.")
        sample = self._sample = VoiceSample(person)
        turn = TurnId(person, SAMPLE_TURN)
        give_back = self.ear.lend(person, sample.heard)
        self._conversation.speech_began(turn)
        try:
            return await sample.whole()
        finally:
            self._sample = None
            self._conversation.free_floor(turn)
            asyncio.get_running_loop().call_later(AFTER_SAMPLE, give_back)

    def _drop_sample(self, reason: str) -> None:
        if self._sample is not None:
            self._sample.drop(reason)

    async def announce(self, written: str, spoken: str | None = None) -> None:
        """Tell everyone in the call: in the prompt channel and, where there are words for it, aloud."""
        await self._prompts.tell(written)
        if spoken is not None:
            self._conversation.prompt(Prompt("", spoken, self._clock(), kind=PromptKind.RECITE))

    def _forget(self, person: int) -> None:
        """Drop whatever is held of somebody who does not want to be listened to."""
        if self._sample is not None and self._sample.person == person:
            self._sample.drop("They no longer want to be listened to.")
        self.ear.left(person)
        self._captions.forget(person)
        if self._recorder is not None:
            self._recorder.forget(person)
