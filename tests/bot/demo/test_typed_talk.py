"""Typed lines from a terminal or pipe."""

from __future__ import annotations

import asyncio
import os

import pytest

from bot.demo.typed_talk import TypedLines, is_slash_command, with_names
from tests.timing import LIMIT


async def _next(lines: TypedLines) -> str | None:
    return await asyncio.wait_for(lines.next(), LIMIT)


async def test_lines_are_complete_however_they_arrive_and_then_the_end_follows() -> None:
    ours, theirs = os.pipe()
    lines = TypedLines(ours)
    with lines.read():
        os.write(theirs, b"Hello!\n  a second one \r\n\xe4\xb8")
        assert await _next(lines) == "Hello!"
        assert await _next(lines) == "a second one"
        os.write(theirs, b"\x96\n\xff\n")
        assert await _next(lines) == "世"
        assert await _next(lines) == "\ufffd"
        os.close(theirs)
        assert await _next(lines) is None
    os.close(ours)


async def test_nothing_is_read_outside_of_the_block() -> None:
    ours, theirs = os.pipe()
    with TypedLines(ours).read():
        pass
    os.write(theirs, b"later\n")
    await asyncio.sleep(0)
    assert os.read(ours, 100) == b"later\n"
    os.close(ours)
    os.close(theirs)


def test_ids_of_channels_and_people_are_replaced_by_names() -> None:
    channels, people = {12: "general"}, {34: "You"}
    assert with_names("prompts from <#12>, asked by <@34> or <@!34>", channels, people) == (
        "prompts from #general, asked by @You or @You"
    )
    assert with_names("in <#99>", channels, people) == "in <#99>"


@pytest.mark.parametrize(
    ("line", "is_one"), [("/volume", True), ("/volume 50", True), ("/", False), ("/ 2", False), ("1/2", False)]
)
def test_a_line_is_a_slash_command_if_a_letter_follows_the_slash_at_its_start(line: str, is_one: bool) -> None:
    assert is_slash_command(line) is is_one
