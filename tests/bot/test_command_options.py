"""Tests of ``python -m bot``: the help of each command, and clear error texts."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bot.__main__ import main
from bot.command_options import COMMANDS, read_options
from config.project import ROOT
from config.version import VERSION

OWN = {
    "run": {"--events", "--exit-with-parent", "--verbose"},
    "demo": {"--stay", "--out"},
    "rehearse": {"--seconds", "--yes", "--report"},
    "doctor": {"--json"},
    "version": set(),
}


def _help(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*words])
    assert ended.value.code == 0
    return capsys.readouterr().out


def _usage_error(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        read_options(words)
    assert ended.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("command", OWN)
def test_each_command_has_a_help_page_of_its_own(capsys: pytest.CaptureFixture[str], command: str) -> None:
    page = _help(capsys, command, "--help")
    assert page.startswith(f"usage: python -m bot {command} ")
    everything = set().union(*OWN.values())
    assert {option for option in everything if option in page} == OWN[command]


def test_the_common_help_page_lists_the_commands_whose_options_it_does_not_show(
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = _help(capsys, "--help")
    assert "health, models, persona, knowledge, memory, backup and restore have options of their own" in " ".join(
        page.split()
    )


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"]])
def test_the_common_help_page_lists_every_command(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    page = _help(capsys, *words)
    for command, does in COMMANDS.items():
        assert f"{command} " in page
        assert does in page
    assert page.index("commands:") < page.index("options:"), "somebody new looks for the commands first"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_word_help_before_a_command_shows_its_help_page(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert _help(capsys, "help", command).startswith(f"usage: python -m bot {command} ")


@pytest.mark.parametrize(("typed", "meant"), [("rnu", "run"), ("doctr", "doctor"), ("hlep", "help"), ("Demo", "demo")])
def test_the_error_for_a_mistyped_command_names_the_one_that_was_meant(
    capsys: pytest.CaptureFixture[str], typed: str, meant: str
) -> None:
    said = _usage_error(capsys, typed)
    assert f"there is no command {typed!r}. Did you mean {meant}?" in said
    assert "choose from" not in said


def test_the_error_for_an_unknown_command_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    error = _usage_error(capsys, "serve")
    assert "There are: run, talk, demo, rehearse, setup, doctor, models, persona, knowledge, memory, health" in error
    assert "health, backup, restore, version." in error


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["doctor", "--jsn"], "Did you mean --json?"),
        (["--sty"], "Did you mean --stay?"),
        (["run", "--stay"], "--stay is an option of demo: type python -m bot demo --stay."),
        (["version", "--verbose"], "--verbose is an option of run"),
        (["doctor", "--utterly"], "'--utterly' is not understood."),
        (["run", "demo"], "'demo' is not understood."),
        (["--talk"], "--talk is a command, without hyphens: type python -m bot talk."),
        (["demo", "--doctor"], "--doctor is a command, without hyphens: type python -m bot doctor."),
    ],
)
def test_a_wrong_option_is_explained(capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    told = _usage_error(capsys, *words)
    assert said in told
    assert "--help` shows what there is." in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["models", "lst"], "python -m bot models: there is no command 'lst'. Did you mean list?"),
        (["models", "donwload", "whisper-small"], "Did you mean download?"),
        (["models", "whisper-small"], "There are: list, download, fetch, check, repair."),
        (["models", "list", "--jsn"], "'--jsn' is no option. Did you mean --json?"),
        (["models", "list", "--profile", "locl"], "there is no profile 'locl'. Did you mean local?"),
        (["models", "list", "--profile", "cloud"], "There are: embedded, local, hybrid, api."),
        (["health", "--jsn"], "python -m bot health: '--jsn' is no option. Did you mean --json?"),
        (["health", "now"], "'now' is not understood."),
        (["backup"], "python -m bot backup: FILE is missing."),
        (["restore", "x.zip", "--jsn"], "'--jsn' is not understood."),
        (["models", "list", "--profile"], "--profile needs a value."),
    ],
)
def test_commands_with_their_own_parser_explain_mistakes_in_the_same_way(
    capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert said in told
    assert f"`python -m bot {words[0]} --help` shows what there is." in told
    assert "choose from" not in told
    assert "usage:" not in told


def test_options_may_stand_before_a_command_or_without_a_command() -> None:
    assert read_options(["--stay"]).stay
    assert read_options(["--stay"]).command is None
    before = read_options(["--json", "doctor"])
    assert (before.command, before.json) == ("doctor", True)


def test_options_of_other_commands_have_their_defaults() -> None:
    chosen = read_options(["run", "--events"])
    assert (chosen.command, chosen.events, chosen.stay, chosen.out, chosen.json) == ("run", True, False, None, False)


@pytest.mark.parametrize("words", [["version"], ["--version"]])
def test_the_version_is_printed_at_once(words: list[str]) -> None:
    ask = (
        "import sys\nfrom bot.__main__ import main\ntry:\n    status = main(sys.argv[1:])\n"
        "except SystemExit as end:\n    status = end.code\nprint(status, 'discord' in sys.modules)"
    )
    command = (sys.executable, "-c", ask, *words)
    # The version is printed even if a setting is wrong.
    environment = {**os.environ, "LLM_TEMPERATURE": "hot"}
    told = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert told.stdout == f"Seiyuu {VERSION}\n0 False\n", (
        "nothing that only a call needs is imported, for example discord"
    )
