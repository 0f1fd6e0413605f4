"""Call events as JSON lines."""

from __future__ import annotations

import io

import pytest

from bot.voice.events import AnswerHeard, CallEvent, Told
from bot.watching.event_lines import EventWriter, decode_event, encode_event


@pytest.mark.parametrize("event", [Told("🎤 Hello, 世界"), AnswerHeard("Hello.", interrupted=True)])
def test_what_is_written_can_be_read(event: CallEvent) -> None:
    assert decode_event(encode_event(event)) == event


def test_half_a_character_is_written_as_a_sign_for_it() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="utf-8", write_through=True)
    EventWriter(stream)(Told("Hello \ud83d"))
    EventWriter(stream)(Told("Hello \ud83d\ude0a"))
    assert [decode_event(line) for line in raw.getvalue().splitlines()] == [Told("Hello \ufffd"), Told("Hello 😊")]
