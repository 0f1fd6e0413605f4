"""Responder: answers turns with a language model, using the persona and the history of a call or a chat."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from functools import partial

from bot.llm.answer import AnswerPart, fixed_answer
from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.answering_model import AnsweringModel
from bot.llm.cleaning import clean_name
from bot.llm.errors import ModelError
from bot.llm.filters.names import prepare_names
from bot.llm.history import MAX_TURNS, History, Turn, speakers_of_turns
from bot.llm.messages import NO_SPEAKERS, ChatMessage, SpeakerNames
from bot.llm.personas import Character
from bot.llm.prompt_report import PromptReport
from bot.llm.prompts import IN_A_CALL, CallRoom, ConversationMessages
from bot.llm.recollection import NOTHING, Recall, Recollection
from bot.llm.slots import CALL_SLOT
from bot.llm.small_model import SmallPrompts
from bot.llm.tool_loop import answer_with_tools
from bot.llm.tools import NO_TOOLS, Toolbox, ToolDescription, TurnTools
from bot.metering import THE_BOT, Account

_log = logging.getLogger(__name__)

_ROLES = ("User", "Human")
"""Small models invent further lines of the conversation under these names. Nobody in the call has such a name."""
_SENTENCE_ENDS = (".", "!", "?", "。", "！", "？")
_MIN_TURNS = 4
"""When the history in the prompt is cut back, at least this many earlier turns remain, unless the model is small."""


class ModelResponder:
    """A :class:`~bot.voice.ports.Responder` for one call or chat. Others write the history that it reads.

    If the persona changes during the call, the history stays the same, and the new persona continues it.

    Args:
        character: returns the persona and mood for the next reply.
        history: the call's history. A reply that turns out to be the model's reasoning is kept out of it.
        room: returns the place of the call and the people in it.
        clock: returns the current time in the people's time zone.
        context_messages: the largest number of turns of the history that the model is shown.
        small_prompts: the prompts of small models, by language.
        rules: how the model answers: :data:`~bot.llm.prompts.IN_A_CALL` or other rules of that module.
        never_retract: withhold the first answer of a model until it is whole, so that no thought is ever yielded.
        slot: the slot of a llama.cpp server in which answers are made; ``None`` leaves the choice to the server.
        note_prompt: called with a report of what each request for an answer holds.
        toolbox: the tools that the model may call; ``None`` for none. Small models are told of no tools: they call them
            at random, and a long prompt confuses them.
        recall: recalls what the model is told besides the history; ``None`` for nothing. Small models are told nothing.
        place: id of the place to which answers are charged.
    """

    def __init__(
        self,
        character: Callable[[], Character],
        history: History,
        room: Callable[[], CallRoom],
        clock: Callable[[], datetime],
        model: AnsweringModel,
        context_messages: int,
        small_prompts: SmallPrompts,
        *,
        rules: str = IN_A_CALL,
        never_retract: bool = False,
        slot: Callable[[], int | None] = lambda: CALL_SLOT,
        toolbox: Toolbox | None = None,
        note_prompt: Callable[[PromptReport], None] | None = None,
        recall: Recall | None = None,
        place: int = THE_BOT,
    ) -> None:
        self._character = character
        self._history = history
        self._room = room
        self._model = model
        self._context_messages = context_messages
        self._never_retract = never_retract
        self._slot = slot
        self._toolbox = toolbox
        self._note_prompt = note_prompt
        self._recall = recall
        self._place = place
        self._prompts = ConversationMessages(rules, model, clock, small_prompts)
        self._read: tuple[ChatMessage, ...] = ()
        """The messages of the newest request. The server has them in its prompt cache."""
        self._offered: tuple[ToolDescription, ...] = ()
        """The tools of the newest request. Their descriptions are in the server's prompt cache too."""
        self._prepared = NO_SPEAKERS
        """The names for which :func:`prepare_names` was called last."""

    async def warm_up(self) -> None:
        """Fill the server's prompt cache, ask the server about its model, and prepare for the names of the people.

        A server that costs money is asked for no answer, so its prompt cache stays as it is. Nothing is recalled,
        because a server for embeddings may cost money too.

        Errors are only logged here. People are told when the first answer fails.
        """
        character = self._character()
        self._prepared = self._speakers(character, self._room())
        await asyncio.to_thread(prepare_names, self._prepared)
        await self._model.learn_model_size(model=character.persona.model)
        await self._model.learn_slots(model=character.persona.model)
        someone = Turn.of_person("Someone", "hello")
        self._offered = tuple(self._tools_for(character, someone).descriptions)
        if not self._model.options.paid:
            await self._fill_cache(character, someone)
        await self._model.learn_context_size(model=character.persona.model)

    async def _fill_cache(self, character: Character, someone: Turn) -> None:
        self._read, _ = await self._prompt(character, self._room(), someone, recalls=False)
        try:
            await self._model.warm_up(
                self._read, model=character.persona.model, tools=self._offered, slot=self._slot() or CALL_SLOT
            )
        except ModelError as error:
            _log.warning("The model server could not be warmed up: %s", error)

    async def read_ahead(self, speaker: str, words: str = "", person: int | None = None) -> None:
        """Have a llama.cpp server process the prompt up to the speaker's words so far. The answer then needs less work.

        Words that end like a sentence may be all that the speaker says. So the server also reads what the chat template
        puts between these words and an answer.

        Does nothing if the newest request had the same messages, if the server is not llama.cpp, or if it costs money.

        Args:
            words: the words so far. If they turn out to be wrong, the server only has to read the right ones later.
            person: the speaker's user id, for what is recalled; ``None`` if it is not known.
        """
        character = self._character()
        if not self._model.reads_ahead(model=character.persona.model):
            return
        messages, _ = await self._prompt(
            character, self._room(), Turn.of_person(speaker, words, person), unfinished=True
        )
        if messages == self._read:
            return
        self._read = messages
        try:
            goes_on = not words.endswith(_SENTENCE_ENDS) or words.endswith("..")
            await self._model.warm_up(
                messages,
                model=character.persona.model,
                unfinished=goes_on,
                tools=self._offered,
                slot=self._slot() or CALL_SLOT,
            )
        except ModelError as error:
            _log.debug("The model server could not read ahead: %s", error)

    async def answer(self, asked: Turn, progress: AnswerProgress = NOT_WATCHED) -> AsyncGenerator[str, None]:
        """Stream the answer to a turn. If the turn has late results of tools, the model gets these, and can't call
        tools.

        Raises:
            ModelError: there is no answer, or it broke off.
        """
        character = self._character()
        room = self._room()
        prompt, recollection = await self._prompt(character, room, asked)
        messages = (*prompt, *asked.results)
        self._read = messages
        said = ""
        known = self._speakers(character, room, asked.speaker)

        def asked_model() -> None:
            progress.asked()
            # If somebody has joined, the patterns of their name are compiled while the model computes.
            if known != self._prepared:
                self._prepared = known
                asyncio.get_running_loop().run_in_executor(None, prepare_names, known)

        def fitted(report: PromptReport) -> None:
            if self._note_prompt is not None:
                self._note_prompt(report)
            progress.fitted(report)

        watched = replace(progress, account=Account(self._place, asked.person), asked=asked_model, fitted=fitted)
        tools = NO_TOOLS if asked.results else self._tools_for(character, asked, recollection)
        limit = self._prompts.answer_to_limit(character.persona, asked)

        def ask(told: Sequence[ChatMessage], offered: Sequence[ToolDescription]) -> AsyncGenerator[AnswerPart, None]:
            if limit is not None:
                return fixed_answer(limit)
            self._offered = tuple(offered) or self._offered
            stream = partial(self._model.stream, tools=offered) if offered else self._model.text
            return stream(
                told,
                model=character.persona.model,
                speakers=known,
                never_retract=self._never_retract,
                slot=self._slot(),
                progress=watched,
            )

        async with aclosing(answer_with_tools(ask, messages, tools, progress=progress)) as pieces:
            async for piece in pieces:
                if piece.retracts:
                    self._history.drop_thought(said)
                    continue
                said += piece.text
                yield piece.text

    def _tools_for(self, character: Character, asked: Turn, recollection: Recollection = NOTHING) -> TurnTools:
        if self._toolbox is None or not self._model.size_of(model=character.persona.model).takes_tools:
            return NO_TOOLS
        earlier = self._history.newest(self._context_messages)
        return self._toolbox.for_turn(asked, earlier, recollection=recollection)

    def _speakers(self, character: Character, room: CallRoom, *speaking: str) -> SpeakerNames:
        people = (*room.people, *speaking)
        names = [*speakers_of_turns(self._history.newest(MAX_TURNS)), *map(clean_name, people), *_ROLES]
        return SpeakerNames.of(character.persona.names, names)

    async def _prompt(
        self, character: Character, room: CallRoom, asked: Turn, *, unfinished: bool = False, recalls: bool = True
    ) -> tuple[tuple[ChatMessage, ...], Recollection]:
        """The messages for the model, and what is recalled in them."""
        most = self._context_messages
        # The history is cut back in steps. If it lost its oldest turn with each new one, the server could never reuse
        # its prompt cache.
        least = most // 2 if self._prompts.is_small(character.persona) else max(most // 2, _MIN_TURNS)
        earlier = self._history.recent(most, least)
        recollection = NOTHING
        if recalls and self._recall is not None and not self._prompts.is_small(character.persona):
            recollection = await self._recall.for_turn(asked, unfinished=unfinished)
        messages = await self._prompts.write(
            character, earlier, asked, room.description, unfinished=unfinished, recollection=recollection
        )
        return messages, recollection
