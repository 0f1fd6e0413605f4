"""A person at the terminal presses the bot's buttons by typing their numbers or labels."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from bot.demo import typed_talk
from bot.demo.typed_talk import TypedLines, TypedTalk
from bot.watching.console import CallConsole
from sandbox.server import Sandbox
from sandbox.world.bus import Dispatch, Event
from sandbox.world.entities import Draft, Json
from sandbox.world.interaction_entities import CallbackKind
from tests.timing import LIMIT

YES = {"type": 2, "style": 3, "label": "Forget it", "custom_id": "yes"}
NO = {"type": 2, "style": 2, "label": "Keep it", "custom_id": "no"}
LINK = {"type": 2, "style": 5, "label": "Read more", "url": "https://example.org"}
MENU = {
    "type": 3,
    "custom_id": "menu",
    "options": [{"label": "12: likes tea", "value": "12"}, {"label": "14: has a dog", "value": "14"}],
}


def row(*parts: Json) -> tuple[Json, ...]:
    return ({"type": 1, "components": [*parts]},)


class StandIn:
    """Stands in for the bot: asks with buttons after ``!ask``, privately with a menu after ``!list``."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.pressed: list[tuple[str, list[str]]] = []
        sandbox.world.subscribe(self._hear)

    def _hear(self, event: Event) -> None:
        if not isinstance(event, Dispatch):
            return
        data, soon = event.data, asyncio.get_running_loop().call_soon
        if event.name == "INTERACTION_CREATE":
            soon(self._answer, data)
        elif event.name == "MESSAGE_CREATE" and data["author"]["id"] != str(self._sandbox.bot_id):
            soon(self._write, data["content"])

    def _write(self, typed: str) -> None:
        post, bot, channel = self._sandbox.world.messages.post, self._sandbox.bot, self._sandbox.text_channel
        if typed == "!ask":
            post(channel, bot, Draft("Forget everything?", components=row(YES, NO, LINK)))
            return
        if typed == "!list":
            (you,) = self._sandbox.guests
            post(you.dm_channel, bot, Draft("I know this.", components=row(MENU)))
        post(channel, bot, Draft(f"Done: {typed.rpartition('> ')[2]}"))

    def _answer(self, data: Json) -> None:
        name, values = data["data"]["custom_id"], data["data"].get("values", [])
        self.pressed.append((name, values))
        respond = self._sandbox.world.interactions.respond
        draft = Draft(f"You chose {name} {values}")
        kind = CallbackKind.MESSAGE if name == "menu" else CallbackKind.UPDATE
        respond(int(data["id"]), data["token"], kind, {"content": draft.content}, draft)


async def typed(out: Path, *lines: str) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Type the lines. Returns what is shown, and what the bot was told of pressed buttons."""
    shown, (ours, theirs) = io.StringIO(), os.pipe()
    os.write(theirs, "".join(f"{line}\n" for line in lines).encode())
    os.close(theirs)
    async with Sandbox() as sandbox:
        bot = StandIn(sandbox)
        view = CallConsole(Console(file=shown, width=200), "Seiyuu")
        await asyncio.wait_for(TypedTalk(sandbox, view, [], out, "!").run(TypedLines(ours)), LIMIT)
    os.close(ours)
    return shown.getvalue().splitlines(), bot.pressed


@pytest.fixture(autouse=True)
def _settled_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typed_talk, "SETTLE_SECONDS", 0.01)


def place(lines: list[str], fits: Callable[[str], bool]) -> int:
    (found,) = [number for number, line in enumerate(lines) if fits(line)]
    return found


@pytest.mark.parametrize("press", ["2", "[2]", "keep it"])
async def test_a_button_is_pressed_by_its_number_or_its_label(tmp_path: Path, press: str) -> None:
    lines, pressed = await typed(tmp_path, "!ask", press)
    asked = place(lines, lambda line: "Forget everything?" in line)
    assert lines[asked + 1].endswith("[1] Forget it  [2] Keep it"), "a link can't be pressed here"
    assert "after other talk with its brackets" in lines[asked + 1]
    assert pressed == [("no", [])]
    assert place(lines, lambda line: "You chose no" in line) > asked
    kept = (tmp_path / "conversation.txt").read_text("utf-8").splitlines()
    assert kept == [
        *("You: !ask", "Seiyuu: Forget everything?", "You: [Keep it]", "Seiyuu: You chose no []"),
    ]


async def test_what_is_no_button_is_said_to_the_bot(tmp_path: Path) -> None:
    lines, pressed = await typed(tmp_path, "2", "!ask", "3", "keep it", "2", "[1]", "[1]")
    assert pressed == [("yes", [])], "after another line only numbers in brackets count, while the button is there"
    assert [line for line in lines if line.endswith("Done: 2")][1:], "a plain number may be an answer"
    for said in ("Done: 3", "Done: keep it", "Done: [1]"):
        place(lines, lambda line, said=said: said in line)  # type: ignore[misc]


async def test_an_entry_of_a_menu_in_a_private_message_is_chosen_by_its_number(tmp_path: Path) -> None:
    lines, pressed = await typed(tmp_path, "!ask", "!list", "4")
    private = place(lines, lambda line: "(to you alone) I know this." in line)
    assert lines[private + 1].endswith("[3] 12: likes tea  [4] 14: has a dog")
    assert pressed == [("menu", ["14"])]
    place(lines, lambda line: "(to you alone) You chose menu ['14']" in line)
