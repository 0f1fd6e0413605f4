"""Tests of the event writer with a program that reads, stops reading, or has ended."""

from __future__ import annotations

import io
import os
import select
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import BinaryIO

import pytest

from bot.voice.events import CallBegan, CallEnded, CallEvent, NoticePosted, Ready
from bot.watching.event_lines import decode_event, encode_event
from bot.watching.event_writer import EventWriter
from tests.timing import LIMIT
from tests.watching.event_schema import checked

ENDED = CallEnded("Lounge", "command", call="c", at=5.0)


@pytest.fixture
def pipe() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """The two ends of a pipe: for reading and for writing."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as reader, os.fdopen(writing, "wb", buffering=0) as writer:
        yield reader, writer


@pytest.mark.parametrize(
    ("before", "types"),
    [
        ([], ["call.ended"]),
        ([Ready(at=0.5), ENDED], ["ready", "call.ended", "call.ended"]),
        ([CallEnded("Lounge", "shutdown", call="c", at=1.0)], ["call.ended"]),
    ],
    ids=["no call", "a call that was over before", "a call that ended with the bot"],
)
def test_the_end_of_the_bot_is_the_last_line(before: list[CallEvent], types: list[str]) -> None:
    stream = io.BytesIO()
    with closing(EventWriter(stream, clock=lambda: 9.0)) as writer:
        for event in before:
            writer(event)
        writer.end()
    lines = [checked(line) for line in stream.getvalue().splitlines()]
    assert [line["type"] for line in lines] == types
    assert lines[-1]["cause"] == "shutdown"


def test_a_reader_that_stops_reading_misses_lines_and_delays_nobody(
    pipe: tuple[BinaryIO, BinaryIO], caplog: pytest.LogCaptureFixture
) -> None:
    reader, stream = pipe
    writer = EventWriter(stream, max_waiting=10)
    for number in range(300):
        writer(NoticePosted(f"{number} " + "x" * 1000))
    assert select.select([reader], [], [], LIMIT)[0], "nothing was written"
    writer.close(limit=0.05)
    assert caplog.messages == ["The program that reads the events does not keep up: it will miss some"]
    os.set_blocking(reader.fileno(), False)
    first, *_ = reader.read(1 << 20).splitlines()
    assert decode_event(first) == NoticePosted("0 " + "x" * 1000)


def test_lines_are_encoded_in_the_thread_of_the_writer(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[str] = []

    def encode(event: CallEvent) -> str:
        threads.append(threading.current_thread().name)
        return encode_event(event)

    monkeypatch.setattr("bot.watching.event_writer.encode_event", encode)
    stream = io.BytesIO()
    with closing(EventWriter(stream)) as writer:
        writer(NoticePosted("Hello."))
    assert threads == ["event lines"]
    assert decode_event(stream.getvalue().rstrip()) == NoticePosted("Hello.")


def test_a_missing_reader_is_reported_once(pipe: tuple[BinaryIO, BinaryIO], caplog: pytest.LogCaptureFixture) -> None:
    reader, stream = pipe
    reader.close()
    with closing(EventWriter(stream)) as writer:
        for event in (Ready(), CallBegan("discord", "Lounge", True), ENDED):
            writer(event)
        writer.end()
    assert caplog.messages == ["Nobody reads the events any more (Broken pipe): they are no longer written"]


def test_a_non_blocking_stream_gets_whole_lines(pipe: tuple[BinaryIO, BinaryIO]) -> None:
    reader, stream = pipe
    os.set_blocking(stream.fileno(), False)
    long = [NoticePosted(f"{number} " + "x" * 100_000) for number in range(3)]
    writer = EventWriter(stream)
    for event in long:
        writer(event)
    assert [decode_event(reader.readline()) for _ in long] == long
    writer.close()
