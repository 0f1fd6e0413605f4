"""What is not found in the notes in time is left out of the answer, and the log says why."""

from __future__ import annotations

from unittest.mock import MagicMock

import pytest

from bot.llm.history import Turn
from bot.notes.recall import NotesRecall


async def test_a_search_that_takes_too_long_is_logged_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    recall = NotesRecall(MagicMock(), MagicMock(), MagicMock(), limit=0.0)
    assert await recall.section(Turn.of_person("Ada", "What did we decide?", 1), 2, 3) == ""
    assert caplog.messages == ["Nothing can be recalled from the notes of calls now: it took too long"]
