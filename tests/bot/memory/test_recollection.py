"""What is recalled in a place depends on its persona, and background work steps aside meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bot.llm.history import Turn
from bot.llm.recollection import NOTHING
from bot.notes.recall import NotesRecall
from bot.recollection import RecallService
from tests.bot.memory.brain import ADA, AWAY, BEN, CLEO, HOME, NAMES, Brain, brain

OTHER = 99


class NoNotes(NotesRecall):
    """Notes that are empty."""

    def __init__(self) -> None:
        pass

    def may_recall(self, asked: Turn, server: int | None) -> bool:
        return False

    async def section(self, asked: Turn, server: int | None, channel: int | None) -> str:
        return ""


async def test_a_persona_without_memory_is_told_nothing_and_background_work_steps_aside(tmp_path: Path) -> None:
    asides = []
    async with brain(tmp_path) as mind:
        await mind.learn("sister is called Mira", "My sister is called Mira.")
        await mind.learn("sister is called Mira", "My sister is called Mira.", server=OTHER)
        places = RecallService(
            mind.memory.recall, NoNotes(), lambda place: place != OTHER, answering=lambda: asides.append("aside")
        )
        asked = Turn.of_person("Ada", "Who is my sister?", ADA)
        assert "Mira" in (await places.at(HOME, 1).for_turn(asked, unfinished=False)).memory
        assert await places.at(OTHER, 1).for_turn(asked, unfinished=False) == NOTHING
        nobody = Turn.of_person("Someone", "Who is my sister?")
        assert await places.at(HOME, 1).for_turn(nobody, unfinished=False) == NOTHING
    assert len(asides) == 3


async def test_facts_are_searched_only_for_people_who_may_be_told_a_fact(tmp_path: Path) -> None:
    async with brain(tmp_path) as mind:
        assert searched_for(mind) == []
        fact = await mind.learn("sister is called Mira", "My sister is called Mira.", heard=[BEN])
        assert searched_for(mind) == [(ADA, HOME), (ADA, None), (BEN, HOME), (BEN, None)]
        await mind.memory.facts.set_audience(fact.id, mind.memory.audiences.of(HOME, {ADA, BEN, CLEO}))
        assert (CLEO, HOME) in searched_for(mind)
        assert "Mira" in await mind.recalled(CLEO, "Who is Ada's sister?")
    async with brain(tmp_path) as mind:
        assert (CLEO, HOME) in searched_for(mind), "what was stored before the start counts"
        await mind.memory.forget_all(ADA)
        assert await mind.recalled(CLEO, "Who is Ada's sister?") == ""
    async with brain(tmp_path) as mind:
        assert searched_for(mind) == []


def searched_for(mind: Brain) -> Sequence[tuple[int, int | None]]:
    """The people for whom facts are searched, each with the server on which they ask."""
    return [
        (person, server)
        for person, name in NAMES.items()
        for server in (HOME, AWAY, None)
        if mind.memory.recall.may_recall(Turn.of_person(name, "Who is Ada's sister?", person), server)
    ]
