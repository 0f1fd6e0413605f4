"""The command lines in the documents: programs, their arguments and options, and make's targets exist."""

from __future__ import annotations

import argparse
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

import bot.backup.command
import bot.character_cards.command
import bot.command_options
import bot.knowledge.command
import bot.memory_command
import bot.models.arguments
import tts_server.command_line as speech_server
from bot.heartbeat import FILE as HEARTBEAT
from bot.models.needs import FOLDER
from bot.recorded_answers import RECORDINGS_DIR
from config.project import ROOT
from tests.docs.pages import API, EXAMPLE, OPERATOR, PAGES, README, Line, commands, lines, rows

_PROGRAM = re.compile(r"(?:[A-Z_]+=\S+ |docker compose run --rm \w+ )*(?:\.venv/bin/)?python -m (\S+)((?: [^#&]*)?)")


def _typed() -> list[tuple[Line, str, list[str]]]:
    """All programs in the command lines of the documents, with their arguments."""
    found = []
    for page in (*PAGES, EXAMPLE):
        for line, code in commands(page):
            if (program := _PROGRAM.match(code)) and "─" not in code:
                found.append((line, program[1], _words(program[2])))
    return found


def _words(text: str) -> list[str]:
    words = text.replace("[", "").replace("]", "").split()
    return [] if {"…", "|"} & set(words) else words


TYPED = _typed()


@pytest.mark.parametrize(
    ("line", "program", "words"), [pytest.param(*each, id=f"{each[0]}, {each[1]}") for each in TYPED]
)
def test_the_command_lines_in_the_documents_are_accepted(
    line: Line, program: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (ROOT / program.split(".")[0]).exists():
        return  # A program of somebody else, such as pytest.
    assert find_spec(program) is not None, line
    parser: argparse.ArgumentParser | None = None
    match program, words:
        case "bot", ["models", *rest]:
            parser, words = bot.models.arguments._parser(), rest
        case "bot", [("backup" | "restore") as command, *rest]:
            parser, words = bot.backup.command.backup_parser(command), rest
        case "bot", ["memory", *rest]:
            bot.memory_command.parser().parse_args(rest)
        case "bot", ["persona", *rest]:
            bot.character_cards.command.parser().parse_args(rest)
        case "bot", ["knowledge", *rest]:
            bot.knowledge.command.parser().parse_args(rest)
        case "bot", ["health", *rest]:
            assert set(rest) <= {"--json"}, line
        case "bot", _:
            parser = bot.command_options.parser_of_all()
        case "tts_server", _:
            monkeypatch.setattr("sys.argv", ["tts_server", *[word for word in words if "NAME" not in word]])
            speech_server._arguments()
    if parser is not None:
        parser.parse_args(words)
        # An option that is cut short is understood, too, but is not what the help says.
        options = {option for action in parser._actions for option in action.option_strings}
        assert {word for word in words if word.startswith("-")} <= options, line


def test_the_guide_has_every_word_and_option_of_the_bot() -> None:
    told = {line.text for line in lines(OPERATOR)}
    whole = "\n".join(told)
    parser = bot.command_options.parser_of_all()
    words = next(action.choices for action in parser._actions if action.dest == "command")
    assert words is not None
    missing = [word for word in words if f"python -m bot {word}" not in whole]
    options = [option for action in parser._actions for option in action.option_strings if option.startswith("--")]
    missing += [option for option in options if option not in whole and option != "--help"]
    assert missing == []


def test_the_api_page_has_every_option_of_the_speech_server() -> None:
    table = {option for row in rows(API, "setting (environment or `.env`)") for option in row.code(1)}
    source = (ROOT / "tts_server" / "command_line.py").read_text(encoding="utf-8")
    assert table == set(re.findall(r'"(--[a-z-]+)"', source))


def _targets() -> set[str]:
    (phony,) = re.findall(r"^\.PHONY: (help .*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    return set(phony.split())


@pytest.mark.parametrize("page", [*PAGES, EXAMPLE])
def test_targets_of_make_exist(page: str) -> None:
    wrong = [
        f"{line}: there is no target {target}"
        for line, code in commands(page)
        for target in re.findall(r"^make ([a-z][a-z-]*)", code)
        if target not in _targets()
    ]
    assert wrong == []


def test_every_target_has_a_line_in_make_help() -> None:
    told = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    assert _targets() <= told


def test_the_readme_and_the_messages_before_long_steps_name_the_same_sizes() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (size,) = re.findall(r"\.venv: about (\S+ GB) the first time, which takes a few minutes", makefile)
    for page in (README, OPERATOR):
        text = " ".join(line.text for line in lines(page))
        assert f"about {size}" in text, page


def test_the_table_of_files_has_all_stored_files() -> None:
    told = {code for row in rows(OPERATOR, "file") for code in row.code(0)}
    assert {f"DATA_DIR/{HEARTBEAT}", f"DATA_DIR/{RECORDINGS_DIR}/", f"DATA_DIR/{FOLDER}/"} <= told
    for source in (ROOT / "bot").rglob("*.py"):
        for folder, name in re.findall(r"(data_dir|cache_dir) / f?\"([\w.-]+)", source.read_text(encoding="utf-8")):
            place = f"{folder.upper()}/{name}"
            assert any(file.startswith(place) for file in told), f"{Path(source).name} keeps {place}"
