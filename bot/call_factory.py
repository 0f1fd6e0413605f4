"""Builds calls from the bot's loaded parts, for any transport."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from bot.characters import Characters, LocalCharacter
from bot.consent import ListeningConsent
from bot.conversations.keeping import Conversations
from bot.conversations.records import ConversationPlace
from bot.last_prompts import LastPrompts
from bot.llm.answering_model import AnsweringModel
from bot.llm.personas import Character
from bot.llm.recollection import RecallSource, recall_at
from bot.llm.slots import CallSlots
from bot.llm.small_model import SmallPrompts
from bot.llm.tools import Toolboxes, toolbox_at
from bot.notes.finishing import DISCORD
from bot.notes.lines import NotesPlace
from bot.notes.service import NotesService
from bot.responder import ModelResponder
from bot.speech_server.client import SpeechServerClient
from bot.voice.ambience import AmbiencePlayer
from bot.voice.call import Call
from bot.voice.call_parts import CallParts, new_call_id
from bot.voice.engines import CallEngines, LoadingReport
from bot.voice.events import EventFeed, Watcher
from bot.voice.listening_notice import ListeningTerms
from bot.voice.memory_requests import MemoryKeeper
from bot.voice.phone.transport import KIND as PHONE
from bot.voice.records.kept_turns import KeptTurns
from bot.voice.speculation import Speculation
from bot.voice.spoken_music import SpokenMusicControl
from bot.voice.transcribe.shared import SharedTranscriber
from bot.voice.transport import Transport
from bot.voice.turns.turns import TurnPolicy
from bot.voice.utterances.word_lists import WordLists
from bot.voice.wishes import NO_WISHES, Wishes
from config.settings import Settings
from wire.parameters import SpeechParameters

C = TypeVar("C", bound=Call[Any])


@dataclass(frozen=True, slots=True)
class CallFactory:
    """Builds calls from these parts. They are all that a call needs, except for its transport.

    Attributes:
        manner: returns the speech parameters for a server, given the server's id.
        manner_in: returns the speech parameters for a server as if it had another mood, given the server's id and that
            mood.
        watch: gets the events of all calls.
        speculation: what calls may do before it is certain that a turn is over.
        last_prompts: keeps the contents of the newest prompt to the model, for each place.
        greeted: ids of the people whom the bot has greeted since its start.
        slots: gives each call a slot of the model server, for its prompt cache.
        tools: the tools that the model may call; ``None`` for none.
        memory: takes the ids of the server, of the prompt channel and of a call; returns the object that carries out
            requests about the memory in this call. ``None`` for no memory.
        notes: takes notes of calls; ``None`` for none.
        music: carries out what people ask aloud about music; ``None`` for no music.
        ambience: plays the ambience of personas; ``None`` for none.
        recalls: finds what the model is told besides a call's history; ``None`` for nothing.
    """

    settings: Settings
    characters: Characters
    clock: Callable[[], datetime]
    model: AnsweringModel
    speech_server: SpeechServerClient
    manner: Callable[[int], SpeechParameters]
    manner_in: Callable[[int, str], SpeechParameters]
    transcriber: SharedTranscriber
    turn_policy: TurnPolicy
    word_lists: WordLists
    small_prompts: SmallPrompts
    consent: ListeningConsent
    conversations: Conversations
    watch: Watcher
    speculation: Speculation
    last_prompts: LastPrompts
    greeted: set[int] = field(default_factory=set)
    slots: CallSlots = field(default_factory=CallSlots)
    tools: Toolboxes | None = None
    notes: NotesService | None = None
    recalls: RecallSource | None = None
    memory: Callable[[int, int | None, str], MemoryKeeper] | None = None
    music: SpokenMusicControl | None = None
    ambience: AmbiencePlayer | None = None

    def make(
        self,
        kind: type[C],
        transport: Transport,
        server: int,
        volume: float,
        report: LoadingReport,
        wishes: Callable[[], Wishes] = lambda: NO_WISHES,
    ) -> C:
        """Build a call. It is not started.

        Args:
            kind: the call's class: :class:`~bot.voice.call.Call`, or a subclass for one transport.
            server: id of the Discord server for which persona, mood and voice were chosen; 0 for the page, 1 for the
                telephone.
            volume: factor for the bot's voice, 0 to 2.
            report: called with the progress of loading the voice, when the call is opened.
            wishes: called before each reply; returns the instructions, voice and speed that a program which talks with
                the bot has asked for.
        """

        def character_now() -> Character:
            return replace(character.now(), instructions=wishes().instructions)

        settings, character = self.settings, LocalCharacter(self.characters, server)
        call_id, slot = new_call_id(), self.slots.new()
        place = ConversationPlace(transport.kind, transport.place, server, transport.prompts.id)
        people = transport.people

        def listeners() -> dict[int, str]:
            return {person: name for person, name in people.attending().items() if people.hears(person)}

        kept = KeptTurns(
            self.conversations.begin_call(place, call_id),
            lambda: character.now().persona.name,
            listeners,
        )
        noted = NotesPlace(transport.kind, transport.place, server, transport.prompts.id)
        engines = CallEngines(
            character,
            lambda history, room: ModelResponder(
                character_now,
                history,
                room,
                self.clock,
                self.model,
                settings.llm.context_messages,
                self.small_prompts,
                note_prompt=partial(self.last_prompts.note, server, "call"),
                slot=slot,
                toolbox=toolbox_at(self.tools, server, transport.prompts.id, patient=True, call=call_id),
                recall=recall_at(self.recalls, server, transport.prompts.id, listeners),
                place=server,
            ),
            self.speech_server.call_stream,
            lambda: wishes().manner(self.manner(server)),
            self.transcriber.of_call(call_id),
            self.turn_policy.for_telephones() if transport.kind == PHONE else self.turn_policy,
            self.word_lists,
            self.speculation,
            self.greeted,
            None if self.memory is None else self.memory(server, transport.prompts.id, call_id),
            lambda mood: wishes().manner(self.manner_in(server, mood)),
            self.music,
            self.ambience,
            settings.stt.language,
            self.speech_server.may_guess,
        )
        parts = CallParts(
            transport,
            engines,
            self.consent,
            settings.call,
            ListeningTerms(
                settings.command_prefix,
                settings.keep_conversations,
                settings.stt.host,
                settings.notes_days,
                posts_notes=transport.kind == DISCORD,
                in_writing=transport.kind != PHONE,
            ),
            settings.data_dir,
            volume=volume,
            watch=EventFeed(kept, self.watch),
            server=server,
            notebook=self.notes.notebook(noted) if self.notes is not None else None,
            call_id=call_id,
        )
        call = kind(parts, report)
        call.when_closed(slot.release)
        return call
