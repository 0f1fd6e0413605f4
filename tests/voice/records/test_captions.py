"""Tests of captions: which words are written into the channel, when, and in what form."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from bot.voice.events import NoticePosted, ReplyEnded, UtteranceHeard
from bot.voice.metrics import ReplyTrace
from bot.voice.records import captions
from bot.voice.records.captions import CaptionWriter, caption
from bot.voice.transport import CaptionError
from bot.voice.turn import Outcome
from config.sections import Captions
from tests.timing import LIMIT, wait_until

ADA, BOB = 1, 2


class RecordedOutlet:
    """An outlet that keeps each message with its place."""

    def __init__(self) -> None:
        self.messages: list[tuple[Captions, str]] = []
        self.faults: list[Exception] = []
        self.written = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()

    async def write(self, text: str, place: Captions) -> None:
        self.written.set()
        await self.open.wait()
        if self.faults:
            raise self.faults.pop()
        assert 0 < len(text) <= 2_000
        self.messages.append((place, text))

    @property
    def lines(self) -> list[str]:
        return [line for _, text in self.messages for line in text.split("\n")]


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captions, "GATHER_SECONDS", 0.01)
    monkeypatch.setattr(captions, "INTERVAL_SECONDS", 0.02)


@pytest.fixture
def outlet() -> RecordedOutlet:
    return RecordedOutlet()


@pytest.fixture
async def writer(outlet: RecordedOutlet) -> AsyncIterator[CaptionWriter]:
    writer = CaptionWriter(outlet, lambda: "Mia", Captions.CHANNEL)
    writer.start()
    yield writer
    await writer.close()


def said(text: str, *, person: int = ADA, name: str = "Ada") -> UtteranceHeard:
    return UtteranceHeard(person, name, text, addressed=True)


async def test_captions_show_the_words_of_speakers_and_the_heard_part_of_answers(
    writer: CaptionWriter, outlet: RecordedOutlet
) -> None:
    writer(said("How are you?"))
    writer(ReplyEnded(ReplyTrace("r1", Outcome.INTERRUPTED, 0.0), "I am fine, and"))
    writer(NoticePosted("not a caption"))
    writer(said("Stop.", person=BOB, name="Bob"))
    await wait_until(lambda: outlet.messages)
    assert outlet.messages == [
        (Captions.CHANNEL, "**Ada:** How are you?\n**Mia:** I am fine, and —\n**Bob:** Stop.")
    ], "lines that come together share a message"


async def test_nothing_is_written_while_captions_are_off(writer: CaptionWriter, outlet: RecordedOutlet) -> None:
    writer(said("One"))
    writer.place = Captions.OFF
    writer(said("Two"))
    await wait_until(lambda: not writer._lines)
    await asyncio.sleep(0.1)
    writer.place = Captions.THREAD
    writer(said("Three"))
    await wait_until(lambda: outlet.messages)
    assert outlet.messages == [(Captions.THREAD, "**Ada:** Three")]


async def test_waiting_lines_of_a_person_who_opts_out_are_never_written(
    writer: CaptionWriter, outlet: RecordedOutlet
) -> None:
    writer(said("My secret"))
    writer(said("Hello", person=BOB, name="Bob"))
    writer.forget(ADA)
    await wait_until(lambda: outlet.messages)
    assert outlet.lines == ["**Bob:** Hello"]


async def test_lines_gather_into_few_full_messages_while_discord_is_slow(
    writer: CaptionWriter, outlet: RecordedOutlet
) -> None:
    outlet.open.clear()
    writer(said("first"))
    await outlet.written.wait()
    for number in range(100):
        writer(said(f"{number} " + "word " * 10))
    outlet.open.set()
    await wait_until(lambda: len(outlet.lines) == 101)
    assert [line.split()[1] for line in outlet.lines[1:]] == [str(number) for number in range(100)]
    assert len(outlet.messages) <= 5


async def test_the_oldest_of_too_many_lines_are_left_out_and_a_line_says_so(
    writer: CaptionWriter, outlet: RecordedOutlet
) -> None:
    outlet.open.clear()
    writer(said("first"))
    await outlet.written.wait()
    for number in range(captions.MAX_WAITING + 7):
        writer(said(str(number)))
    outlet.open.set()
    await wait_until(lambda: len(outlet.lines) == captions.MAX_WAITING + 2)
    assert outlet.lines[1:3] == ["*(7 lines left out)*", "**Ada:** 7"]


@pytest.mark.parametrize("fault", [CaptionError("no"), ValueError("a bug")])
async def test_a_message_that_fails_does_not_end_the_captions(
    writer: CaptionWriter, outlet: RecordedOutlet, fault: Exception
) -> None:
    outlet.faults.append(fault)
    writer(said("lost"))
    await wait_until(lambda: not outlet.faults)
    writer(said("found"))
    await wait_until(lambda: outlet.messages)
    assert outlet.lines == ["**Ada:** found"]


async def test_the_last_words_of_a_call_are_written_before_it_ends(outlet: RecordedOutlet) -> None:
    writer = CaptionWriter(outlet, lambda: "Mia", Captions.CHANNEL)
    writer.start()
    writer(said("Goodbye"))
    await writer.close()
    assert outlet.lines == ["**Ada:** Goodbye"]


async def test_the_end_of_a_call_does_not_wait_for_a_hanging_channel(
    outlet: RecordedOutlet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captions, "CLOSE_SECONDS", 0.05)
    writer = CaptionWriter(outlet, lambda: "Mia", Captions.CHANNEL)
    writer.start()
    outlet.open.clear()
    writer(said("Goodbye"))
    async with asyncio.timeout(LIMIT):
        await writer.close()


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("**Eve**", "*whispers* `code`", r"**\*\*Eve\*\*:** \*whispers\* \`code\`"),
        ("Eve: x", "two\nlines", "**Eve x:** two lines"),
        ("Eve", "<@1234> look at [this](https://example.org)", "**Eve:** someone look at this"),
        ("@everyone", "# not a title", r"**\@everyone:** \# not a title"),
    ],
)
def test_markdown_in_names_and_words_is_escaped(name: str, text: str, line: str) -> None:
    assert caption(name, text) == [line]


@pytest.mark.parametrize("text", ["", "  ", "\u200b", "..."])
def test_no_caption_has_a_line_without_words(text: str) -> None:
    assert all(re.search(r"\*\* \S", line) for line in caption("Ada", text))
    assert caption("Ada", "") == []


def test_a_speech_too_long_for_a_message_is_cut_between_words() -> None:
    lines = caption("*" * 32, "*word* " * 500)
    assert len(lines) > 1
    assert all(len(line) <= 2_000 for line in lines)
    assert sum(line.count("word") for line in lines) == 500
