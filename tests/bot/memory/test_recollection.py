"""What is recalled in a place depends on its persona, and background work steps aside meanwhile."""

from __future__ import annotations

from pathlib import Path

from bot.llm.history import Turn
from bot.llm.recollection import NOTHING
from bot.notes.recall import NotesRecall
from bot.recollection import RecallService
from tests.bot.memory.brain import ADA, HOME, brain

OTHER = 99


class NoNotes(NotesRecall):
    """Notes in which nothing is."""

    def __init__(self) -> None:
        pass

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
