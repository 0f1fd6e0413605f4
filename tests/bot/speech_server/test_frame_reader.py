"""The frames of a hostile speech server flood neither the log nor people."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from bot.speech_server.frame_reader import MAX_WORDS, FrameReader
from wire.fields import MAX_MESSAGE_BYTES
from wire.messages import EngineChanged, Failure, Loading, SegmentStart, ServerMessage, Warned

FORGED = "no room\n2026-11-29 23:59:59 CRITICAL bot.app: the token was changed\n" + "y" * 30_000


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"abc", id="no samples"),
        pytest.param(json.dumps({"event": "warning", "text": "x" * MAX_MESSAGE_BYTES}), id="too large"),
        pytest.param(json.dumps({"event": "x" * 60_000}), id="unknown"),
        pytest.param(json.dumps({"event": "loading", "engine": "XTTS v2", "progress": "nan"}), id="no number"),
    ],
)
def test_what_makes_no_sense_is_logged_once_and_in_short(frame: str | bytes, caplog: pytest.LogCaptureFixture) -> None:
    reader = FrameReader()
    assert [reader.read(frame) for _ in range(100)] == [None] * 100
    assert len(caplog.records) == 1
    assert len(caplog.text) < 2 * MAX_WORDS


def test_empty_sound_in_a_segment_is_no_event() -> None:
    reader = FrameReader()
    reader.read(SegmentStart(0, "Hi.", "r1").to_json())
    assert reader.read(b"") is None


@pytest.mark.parametrize(
    "message",
    [
        Failure(FORGED, "engine_failed", "r1"),
        Warned(FORGED),
        EngineChanged(FORGED, "failed", FORGED),
        Loading(FORGED, 0.5),
    ],
)
def test_the_words_of_a_server_are_one_short_line(message: ServerMessage) -> None:
    read = FrameReader().read(message.to_json())
    assert isinstance(read, type(message))
    words = [value for value in asdict(read).values() if isinstance(value, str)]
    assert any(value.startswith("no room 2026") for value in words)
    assert all("\n" not in value and len(value) <= MAX_WORDS for value in words)
