"""Scripts of what people say, ask and want forgotten, for the tests of the memory: the steps, and who plays them."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path

from bot.conversations.keeping import Conversations
from bot.conversations.records import CHAT, ConversationPlace, ConversationRecords
from bot.conversations.writer import StoredConversation
from bot.database import Database
from bot.llm.answer import TextDelta
from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.history import Turn
from bot.llm.messages import NO_SPEAKERS, ChatMessage, SpeakerNames
from bot.llm.small_model import ModelSize
from bot.memory.audience import MemoryAsker
from bot.memory.gathering import FactGatherer
from bot.memory.memory import Memory
from config.sections import MemoryPolicy
from config.types import KeptDays

PEOPLE = {"Ada": 1, "Ben": 2, "Cleo": 3, "Dan": 4, "Ada2": 5, "Guest": 6}
"""The people. "Ada2" is another person whose name is Ada."""
PLACES = {"home": 1, "away": 2, "dm": None, "page": 0}
"""The server of each place. A private chat ("dm") has none, and the page in the browser is server 0."""
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence. ``facts`` are what the model makes of it: person and fact, and the quote if it is not the whole
    sentence.

    ``heard`` names those who heard it besides the speaker; ``written``: the sentence is in a text channel in which
    those people take part.
    """

    who: str
    text: str
    facts: Sequence[tuple[str, ...]] = ()
    heard: str = ""
    at: str = "home"
    written: bool = False


@dataclass(frozen=True, slots=True)
class Asks:
    """A person asks. The model is told each word of ``told`` and no word of ``untold``. The words are
    separated by spaces.
    """

    who: str
    text: str
    told: str = ""
    untold: str = ""
    at: str = "home"


@dataclass(frozen=True, slots=True)
class Does:
    """A person has something done. ``what`` is "forget", "forget all", "correct", "refuse", "agree" or "opt out".
    ``words`` find the facts; ``to`` is the corrected text.

    ``gone``: words that are nowhere in the files of the database afterwards.
    """

    who: str
    what: str
    words: str = ""
    to: str = ""
    gone: str = ""


@dataclass(frozen=True, slots=True)
class Passes:
    """So many days pass."""

    days: float


Step = Said | Asks | Does | Passes


@dataclass(frozen=True, slots=True)
class Script:
    """Steps under a name, with settings of the bot.

    ``keep`` says for how many days conversations are stored, ``remembers`` whether the persona has a memory.
    """

    name: str
    steps: Sequence[Step]
    policy: MemoryPolicy = MemoryPolicy.ON
    keep: KeptDays = 30
    remembers: bool = True


@dataclass
class ScriptedFacts:
    """A model that answers with the facts of the sentences in the transcript."""

    facts: dict[str, Sequence[tuple[str, ...]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def text(
        self,
        messages: Sequence[ChatMessage],
        *,
        model: str | None = None,
        speakers: SpeakerNames = NO_SPEAKERS,
        never_retract: bool = False,
        progress: AnswerProgress = NOT_WATCHED,
    ) -> AsyncGenerator[TextDelta, None]:
        """Answer in two pieces."""
        assert messages[0].content.startswith("# Task: facts\n")
        self.asked.append(messages[1].content)
        claims = [
            {"person": person, "fact": fact, "quote": quote[0] if quote else text}
            for text, facts in self.facts.items()
            if text in messages[1].content
            for person, fact, *quote in facts
        ]
        yield TextDelta("```json\n")
        yield TextDelta(json.dumps({"facts": claims}, ensure_ascii=False) + "\n```")

    def size_of(self, *, model: str | None = None) -> ModelSize:
        """A size that is not known."""
        return ModelSize(None)


class Player:
    """Plays scripts on one database, each with people and servers of its own."""

    def __init__(self, database: Database, path: Path) -> None:
        self._database = database
        self._path = path
        self._played = 0

    async def play(self, script: Script) -> list[str]:
        """Play a script; returns what went wrong."""
        self._played += 1
        base, wrong, now = 1_000 * self._played, list[str](), [1_790_000_000.0]
        model, records = ScriptedFacts(), ConversationRecords(self._database)
        conversations = Conversations(
            records,
            script.keep,
            lambda server, person: True,
            remembers=lambda server, channel: script.remembers,
            clock=lambda: now[0],
        )

        def server(place: str) -> int | None:
            number = PLACES[place]
            return base + number if number else number

        async with Memory.opened(
            self._database,
            self._path,
            script.policy,
            "forever",
            conversations.writer,
            UTC,
            shared=(0,),
            recall_limit=60.0,
            clock=lambda: now[0],
        ) as memory:
            gatherer = FactGatherer(
                memory.unread, memory.facts, memory.consent, memory.audiences, memory.gate, model, clock=lambda: now[0]
            )
            memory.consent.ask = lambda person: None
            call: tuple[str, StoredConversation] | None = None

            async def end_call() -> None:
                nonlocal call
                if call is not None:
                    conversations.writer.end(call[1], now[0])
                call = None
                await conversations.writer.flush()
                now[0] += 60.0
                while await gatherer.gather_some():
                    pass

            for step in script.steps:
                now[0] += 1.0
                match step:
                    case Said(who, text, facts, heard, at, written):
                        model.facts[text] = facts
                        person, place = base + PEOPLE[who], server(at)
                        turn = Turn.of_person(_name(who), text, person)
                        if written or at == "dm":
                            channel = person if place is None else 10 + place
                            kept = ConversationPlace(CHAT, "general", place, channel)
                            conversations.store_chat(kept, turn, Turn.of_bot("I see."))
                            for other in heard.split():
                                line = Turn.of_person(_name(other), "Oh.", base + PEOPLE[other])
                                conversations.store_chat(kept, line, Turn.of_bot("Yes."))
                        elif script.keep:
                            if call is None or call[0] != at:
                                await end_call()
                                begun = StoredConversation(ConversationPlace("discord", "Lounge", place, 9), now[0])
                                call = (at, begun)
                            present = {base + PEOPLE[each]: _name(each) for each in (who, *heard.split())}
                            conversations.add(call[1], turn, now[0], present)
                    case Asks(who, text, told, untold, at):
                        await end_call()
                        asked = Turn.of_person(_name(who), text, base + PEOPLE[who])
                        section = await memory.recall.section(asked, server(at), int(now[0]))
                        wrong += [
                            f"{script.name}: {who} is not told {word}" for word in told.split() if word not in section
                        ]
                        wrong += [f"{script.name}: {who} is told {word}" for word in untold.split() if word in section]
                    case Does(who, what, words, to, gone):
                        await end_call()
                        person = base + PEOPLE[who]
                        asker = MemoryAsker(person, server("home"))
                        match what:
                            case "forget":
                                await memory.forget_words(words, asker)
                            case "forget all":
                                await memory.forget_all(person)
                            case "correct":
                                for fact in await memory.search(words, person):
                                    if fact.superseded_by is None:
                                        await memory.correct(fact.id, person, to)
                            case "refuse" | "agree":
                                await memory.set_choice(person, what == "agree")
                            case "opt out":
                                conversations.writer.forget_person(person)
                                await conversations.writer.flush()
                                memory.recall.forget()
                            case _:
                                raise ValueError(what)
                        content = b"".join(path.read_bytes() for path in self._path.parent.iterdir()).lower()
                        wrong += [
                            f"{script.name}: {word} is on disk"
                            for word in gone.split()
                            if word.lower().encode() in content
                        ]
                    case Passes(days):
                        await end_call()
                        now[0] += days * DAY
        return wrong


def _name(who: str) -> str:
    return who.rstrip("2")
