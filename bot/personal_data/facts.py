"""Facts of the memory as data for files that people and programs read."""

from __future__ import annotations

from bot.memory.records import Fact
from bot.personal_data.personal_data import JsonValue, moment


def fact_fields(fact: Fact) -> dict[str, JsonValue]:
    """A fact for a file that people and programs read. Ids are texts, because some programs round large numbers."""
    return {
        "id": fact.id,
        "person": fact.person_name,
        "person_id": None if fact.person is None else str(fact.person),
        "fact": fact.text,
        "quote": fact.quote,
        "speaker": fact.speaker_name,
        "speaker_id": str(fact.speaker),
        "at": moment(fact.said_at),
        "server": None if fact.server is None else str(fact.server),
        "superseded": fact.superseded_by is not None,
    }
