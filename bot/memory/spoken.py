"""What people expressly ask of the memory: to note a sentence, and to forget what was just said."""

from __future__ import annotations

from collections.abc import Callable, Collection

from bot.llm.cleaning import clean_name
from bot.memory.audience import MemoryAsker
from bot.memory.memory import Memory, MemoryEmptyError
from bot.memory.records import Fact
from bot.memory.told import MAX_FACT, MAX_QUOTE, one_line
from bot.memory.wording import same_matter
from languages.search_words import words


async def note(
    memory: Memory, asker: MemoryAsker, name: str, text: str, present: Collection[int], clock: Callable[[], float]
) -> Fact:
    """Store a sentence of a person as a fact about them, as they said it. It supersedes facts about the same matter.

    Args:
        name: the person's name.
        present: user ids of the people who heard it.
        clock: returns seconds since 1970.

    Raises:
        MemoryEmptyError: the sentence has no words.
        aiosqlite.Error: it can't be stored.
    """
    fact = one_line(text, MAX_FACT)
    if not any(map(str.isalnum, fact)):
        raise MemoryEmptyError
    older = await memory.facts.current_about(asker.server, asker.person, clean_name(name))
    return await memory.facts.add(
        Fact(
            id=0,
            server=asker.server,
            conversation=None,
            turn=None,
            speaker=asker.person,
            speaker_name=clean_name(name),
            person=asker.person,
            person_name=clean_name(name),
            text=fact,
            quote=one_line(text, MAX_QUOTE),
            said_at=clock(),
            audience=memory.audiences.of(asker.server, {asker.person, *present}),
        ),
        instead_of=[each.id for each in older if same_matter(fact, each.text)],
    )


async def mentioned(memory: Memory, asker: MemoryAsker, text: str) -> list[Fact]:
    """The asker's facts in this place that a text is about; raises :class:`aiosqlite.Error`."""
    said = set(words(text))
    return [fact for fact in await memory.mine(asker) if (known := fact.values) and known <= said]
