"""The help that people get on the page for its typed commands."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest

from bot.browser_commands import BrowserCommands
from bot.browser_music import BrowserMusic

CALL: Any = Mock()


def commands(prefix: str = "!", **parts: Any) -> BrowserCommands:
    return BrowserCommands(Mock(), Mock(), Mock(), prefix, **parts)


async def answer(text: str, **parts: Any) -> str:
    return await commands(**parts).answer(text, CALL, Mock())


async def test_help_says_in_a_line_what_each_command_does() -> None:
    music = BrowserMusic(Mock(), Mock(), "!")
    lines = (await answer("!help", music=music, memory=Mock(), usage=Mock())).splitlines()
    assert lines[0] == "❓ What you can type here:"
    assert "`!stop`: I fall silent" in lines
    assert "`!listen on|off`: whether I listen in this call" in lines
    shown = {line.partition(" ")[0].strip("`:") for line in lines[1:]}
    assert shown == {
        *("!stop", "!volume", "!persona", "!mood", "!listen", "!optout", "!optin", "!leave", "!help", "!memory"),
        *("!usage", *(f"!{name}" for name in music.names)),
    }


async def test_help_does_not_list_what_this_bot_does_not_have() -> None:
    listed = await answer("!help")
    assert not [name for name in ("play", "sound", "memory", "usage") if f"!{name}" in listed]


@pytest.mark.parametrize("typed", ["!help mood", "!help !mood", "!help ! mood", "!help mood happy", "!HELP Mood"])
async def test_help_explains_one_command(typed: str) -> None:
    assert await answer(typed) == "❓ `!mood [NAME]`: how I feel"


async def test_a_command_that_lacks_a_word_is_explained() -> None:
    assert await answer("!listen") == "❓ `!listen on|off`: whether I listen in this call"


async def test_a_wrong_word_after_a_command_is_named_and_the_command_explained() -> None:
    assert await answer("!listen perhaps later") == (
        "❓ I don't know `!listen perhaps`. `!listen on|off`: whether I listen in this call"
    )


async def test_words_that_a_command_does_not_need_do_not_keep_it_from_being_carried_out() -> None:
    call, hang_up = Mock(), Mock()
    assert (await commands().answer("!stop now", call, hang_up)).startswith("⏹️ I'm silent.")
    call.conversation.stop.assert_called_once_with()
    assert (await commands().answer("!listen OFF please", call, hang_up)).startswith("🙉 I don't listen in this call")
    assert call.listening is False
    await commands().answer("!leave now", call, hang_up)
    hang_up.assert_called_once_with()


async def test_a_mistyped_command_is_answered_with_the_one_that_was_meant() -> None:
    more = " `!help` lists what you can type here. All other commands are for Discord."
    assert await answer("!volumee 30") == f"❓ Did you mean `!volume`?{more}"
    assert await answer("!draw a cat") == f"❓ I don't know that command here.{more}"


@pytest.mark.parametrize(("typed", "named"), [("!my-data", "memory export"), ("!EraseMe", "memory forget")])
async def test_whoever_wants_to_see_or_delete_their_data_is_told_where(typed: str, named: str) -> None:
    told = await answer(typed)
    assert told.startswith("❓ Here, Conversations ")
    assert f'`python -m bot {named} --person "web:NAME"`' in told


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("!help", True), ("!  help", True), ("!", False), ("! ", False), ("!? really", False), ("help", False)],
)
def test_blanks_behind_the_prefix_do_not_matter(typed: str, expected: bool) -> None:
    assert commands().is_command(typed) is expected


async def test_help_names_commands_with_the_prefix_that_the_operator_chose() -> None:
    help_lines = (await commands("hey ").answer("hey help", CALL, Mock())).splitlines()[1:]
    assert all(line.startswith("`hey ") for line in help_lines)
