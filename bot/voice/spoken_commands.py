"""Executes commands that people speak in a call, and refuses those that a person may not give."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from bot.characters import LocalCharacter
from bot.text import escape_markdown
from bot.voice.character_changes import CharacterChanges
from bot.voice.dialogue.conversation import Conversation
from bot.voice.memory_requests import MemoryRequests
from bot.voice.ports import NoticeWriter
from bot.voice.spoken_music import SpokenMusic, SpokenMusicControl
from bot.voice.spoken_notes import NoteControl, SpokenNotes
from bot.voice.transport import People
from bot.voice.turn import Prompt, PromptKind
from bot.voice.utterances.classifier import SpokenCommand
from bot.voice.utterances.voice_commands import VoiceCommand

SAID = "You said: {text}"
NOTHING_SAID = "You have said nothing before that."


class SpokenCommands:
    """Executes spoken commands. :meth:`run` runs during the whole call. Use it only on the event loop.

    Args:
        conversation: speaks the answers to commands, and falls silent at the command to stop.
        people: says who may give which command.
        character: the bot's persona and mood, which can be changed by voice.
        notices: writes into the prompt channel.
        memory: carries out what is asked about the memory.
        notes: begins and ends the notes of the call.
        music: plays and controls music; ``None`` for no music.
        call: id of the call.
        clock: returns monotonic seconds.
    """

    def __init__(
        self,
        conversation: Conversation,
        people: People,
        character: LocalCharacter,
        notices: NoticeWriter,
        memory: MemoryRequests,
        notes: NoteControl,
        *,
        music: SpokenMusicControl | None = None,
        call: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._conversation = conversation
        self._people = people
        self._notices = notices
        self._clock = clock
        self._changes = CharacterChanges(character, notices.tell, self._recite)
        self._memory = memory
        self._notes = SpokenNotes(notes, self._recite)
        self._music = SpokenMusic(music, call, notices.tell, self._recite)
        self._leave_requested = asyncio.Event()

    async def run(self) -> None:
        """Change moods and personas, use the memory, take notes and play music on request, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._changes.run(), name="call: changes of persona and mood")
            tasks.create_task(self._memory.run(self._recite), name="call: requests about the memory")
            tasks.create_task(self._notes.run(), name="call: requests for notes")
            tasks.create_task(self._music.run(), name="call: requests about music")

    @property
    def unfinished(self) -> tuple[Prompt, ...]:
        """A prompt for each request about the memory that is not carried out yet."""
        return tuple(Prompt(each.author, "", self._clock(), person=each.person) for each in self._memory.unfinished)

    def forget(self, person: int) -> None:
        """Drop what a person who opts out has asked the memory for."""
        self._memory.forget(person)

    async def wait_leave_requested(self) -> None:
        """Return when a permitted person has told the bot by voice to leave."""
        await self._leave_requested.wait()

    def execute(self, command: SpokenCommand) -> None:
        """Execute a command, or say why it is refused."""
        refusal = self._people.refusal(command.person, command.kind)
        if refusal is not None and command.kind is VoiceCommand.STOP:
            # A person who wants silence gets the refusal in writing, not aloud.
            self._notices.tell(f"🔒 {escape_markdown(command.author)}: {refusal}")
            return
        if refusal is not None:
            self._recite(command, refusal)
            return
        match command.kind:
            case VoiceCommand.LEAVE:
                self._leave_requested.set()
            case VoiceCommand.STOP:
                self._conversation.stop()
            case VoiceCommand.REPEAT_ME:
                self._recite(command, SAID.format(text=command.before) if command.before else NOTHING_SAID)
            case VoiceCommand.MOOD | VoiceCommand.PERSONA:
                self._changes.request(command)
            case VoiceCommand.NOTES_ON | VoiceCommand.NOTES_OFF:
                self._notes.request(command)
            case (
                VoiceCommand.PLAY
                | VoiceCommand.MUSIC_PAUSE
                | VoiceCommand.MUSIC_RESUME
                | VoiceCommand.MUSIC_SKIP
                | VoiceCommand.MUSIC_STOP
            ):
                self._music.request(command)
            case _:
                self._memory.request(command)

    def _recite(self, command: SpokenCommand, text: str, *, may_be_left_out: bool = False) -> None:
        if not self._people.attending() and not self._people.hears(command.person):
            # Somebody else has taken the person's place in a call with one person. The answer may be private.
            return
        prompt = Prompt(
            command.author,
            text,
            self._clock(),
            kind=PromptKind.RECITE,
            person=command.person,
            answers_command=True,
            may_be_left_out=may_be_left_out,
        )
        self._conversation.prompt(prompt)
