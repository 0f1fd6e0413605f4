"""The bot's commands in the documents: each exists, and the README's table has all of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from bot.rights import RIGHTS
from config.project import ROOT
from tests.docs.pages import OPERATOR, PAGES, README, USER, commands, lines, rows

TOP = {name for name in RIGHTS if " " not in name}
"""All commands except subcommands. tests/bot/test_rights.py and tests/bot/test_registration.py check that the table of
rights has every registered command."""
SUBCOMMANDS = {name for name in RIGHTS if " " in name}
_NAMED = re.compile(r"(?<![\w`])!([a-z][a-z-]*)")
_OTHER_SPELLINGS = {"voicestatus", "status"}
"""Other spellings of a command that the bot understands. The user guide gives them as examples."""
_EXAMPLES = {"queue", "beep"}
"""Commands that the guides for programmers write as examples."""


def test_the_readmes_table_has_every_command_and_no_other() -> None:
    told = {name for row in rows(README, "command") for code in row.code(0) for name in _NAMED.findall(code)}
    assert sorted(TOP - told) == []
    assert sorted(told - TOP) == []


def test_the_user_guide_explains_every_command() -> None:
    told = {name for _, code in commands(USER) for name in _NAMED.findall(code)}
    assert sorted(TOP - told) == []


@pytest.mark.parametrize("page", PAGES)
def test_no_page_names_a_command_that_does_not_exist(page: str) -> None:
    wrong = [
        f"{line}: there is no command !{name}"
        for line, code in commands(page)
        for name in _NAMED.findall(code)
        if name not in TOP | _OTHER_SPELLINGS | _EXAMPLES
    ]
    assert wrong == []


@pytest.mark.parametrize("page", [README, USER, OPERATOR])
def test_the_words_after_a_command_group_are_its_subcommands(page: str) -> None:
    groups = {name.partition(" ")[0] for name in SUBCOMMANDS}
    wrong = []
    for line, code in commands(page):
        for group, words in re.findall(r"(?<!\w)!([a-z-]+) \[?([a-z|]+(?:\\\|[a-z]+)*)\]?", code):
            parts = re.split(r"\\?\|", words)
            if group in groups and (unknown := [part for part in parts if f"{group} {part}" not in SUBCOMMANDS]):
                wrong.append(f"{line}: !{group} has no {unknown}")
    assert wrong == []


def test_the_user_guide_names_all_subcommands() -> None:
    text = "\n".join(line.text for line in lines(USER))
    missing = [name for name in SUBCOMMANDS if not any(form in text for form in _forms(name))]
    assert missing == []


def test_the_user_guide_says_which_commands_work_in_private() -> None:
    text = " ".join(line.text for line in lines(USER))
    (told,) = re.findall(r"In a private message to the bot, these work: ([^.]+)\.", text)
    assert set(_NAMED.findall(told.replace("`", ""))) == _private()


def _private() -> set[str]:
    """The commands that work without a server, by the decorators of the cogs."""
    found = set()
    for source in sorted([*ROOT.glob("bot/commands/*.py"), *ROOT.glob("bot/features/*/commands.py")]):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.AsyncFunctionDef):
                continue
            marks = [ast.unparse(mark) for mark in node.decorator_list]
            if not any(mark.startswith(("commands.hybrid_command", "commands.hybrid_group")) for mark in marks):
                continue
            if "commands.guild_only()" not in marks:
                named = re.search(r"name='([a-z-]+)'", marks[0])
                found.add(named[1] if named else node.name)
    return found


def _forms(name: str) -> Iterator[str]:
    group, part = name.split(" ")
    yield f"!{name}"
    yield f"!{group} [{part}"
    yield from (f"|{part}]", f"|{part}\\|")
