"""Talking with the bot by typing: how lines come from a terminal or pipe, and how written answers are shown."""

from __future__ import annotations

import asyncio
import io
import os
from pathlib import Path

import pytest
from rich.console import Console

from bot.demo import typed_talk
from bot.demo.typed_talk import TypedLines, TypedTalk, is_slash_command, with_names
from bot.watching.console import CallConsole
from sandbox.server import Sandbox
from sandbox.world.bus import Dispatch, Event
from sandbox.world.entities import Draft, Upload
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


async def test_lines_that_come_after_the_end_of_reading_are_left_unread() -> None:
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


async def lines_shown(out: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is shown when a person types ``!my-data``. The bot answers privately and with a file."""
    monkeypatch.setattr(typed_talk, "SETTLE_SECONDS", 0.01)
    shown, (ours, theirs) = io.StringIO(), os.pipe()
    os.write(theirs, b"!my-data\n")
    os.close(theirs)
    async with Sandbox() as sandbox:
        view = CallConsole(Console(file=shown, width=200), "Seiyuu")

        def post(typed: str) -> None:
            """Stand in for the bot."""
            (you,) = sandbox.guests
            if typed == "!my-data":
                file = Upload("my-data.json", b"{}", "application/json")
                sandbox.world.messages.post(you.dm_channel, sandbox.bot, Draft("This is **all** of it.", (file,)))
            sandbox.world.messages.post(sandbox.text_channel, sandbox.bot, Draft(f"Done: {typed}"))

        def hear(event: Event) -> None:
            if isinstance(event, Dispatch) and event.name == "MESSAGE_CREATE" and event.data["content"][0] == "!":
                asyncio.get_running_loop().call_soon(post, event.data["content"])

        sandbox.world.subscribe(hear)
        await asyncio.wait_for(TypedTalk(sandbox, view, [], out, "!").run(TypedLines(ours)), LIMIT)
    os.close(ours)
    return shown.getvalue().splitlines()


async def test_a_private_answer_is_shown_to_the_person_who_typed_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = await lines_shown(tmp_path, monkeypatch)
    private = next(place for place, line in enumerate(lines) if "(to you alone) This is all of it." in line)
    assert str(tmp_path / "my-data.json") in lines[private + 1]
    assert (tmp_path / "my-data.json").read_bytes() == b"{}"
    assert any("(written) Done: !my-data" in line for line in lines[private + 2 :])
    assert "Seiyuu: This is all of it." in (tmp_path / "conversation.txt").read_text("utf-8").splitlines()


async def test_a_file_that_cannot_be_saved_is_reported_and_the_talk_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my-data.json").mkdir()
    lines = await lines_shown(tmp_path, monkeypatch)
    told = next(place for place, line in enumerate(lines) if "my-data.json: " in line)
    assert "can't be saved" in lines[told]
    assert any("(written) Done: !my-data" in line for line in lines[told + 1 :])
