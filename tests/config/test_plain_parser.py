"""Tests that programs explain a mistyped command line in plain words, without a library's own text."""

from __future__ import annotations

import asyncio
import os

import pytest

from config.plain_parser import PlainParser
from config.project import ROOT
from tests.forked import PIPE, forks
from tests.timing import LIMIT


async def asked(program: str, *words: str) -> tuple[int, str]:
    process = await forks(f"{program}.command_line").start(
        program, *words, folder=ROOT, environment=os.environ, stderr=PIPE
    )
    _, told = await asyncio.wait_for(process.communicate(), LIMIT)
    return await process.wait(), told.decode()


@pytest.mark.parametrize(
    ("program", "words", "said"),
    [
        ("tts_server", ["--bnd", "x"], "'--bnd' is no option. Did you mean --bind?"),
        ("tts_server", ["--voce=de"], "'--voce' is no option. Did you mean --voice?"),
        ("tts_server", ["--utterly"], "'--utterly' is not understood."),
        ("tts_server", ["serve"], "'serve' is not understood."),
        ("tts_server", ["--bind"], "--bind needs a value."),
        ("tts_server", ["--exit-with-parent", "me"], "--exit-with-parent: 'me' is not a whole number."),
        ("tts_server", ["--check=yes"], "--check takes no value."),
        ("sandbox", ["--jsn"], "'--jsn' is no option. Did you mean --json?"),
        ("sandbox", ["--port", "much"], "'much' is not a port."),
    ],
)
async def test_the_error_for_a_mistake_says_what_was_meant(program: str, words: list[str], said: str) -> None:
    status, told = await asked(program, *words)
    assert status == 2
    assert told.startswith(f"python -m {program}: ")
    assert said in told
    assert told.endswith(f"\n`python -m {program} --help` shows what there is.\n")
    assert "usage:" not in told
    assert "argument" not in told


def test_the_error_for_a_wrong_choice_lists_the_choices(capsys: pytest.CaptureFixture[str]) -> None:
    parser = PlainParser(prog="shop")
    parser.add_argument("--size", choices=("small", "large"))
    with pytest.raises(SystemExit):
        parser.read(["--size", "huge"])
    assert "shop: --size: 'huge' is not valid. There are: small, large." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["card.png"], "there is no command 'card.png'. There are: import, export."),
        (["imprt"], "there is no command 'imprt'. Did you mean import?"),
        ([], "a command is missing. There are: import, export."),
    ],
)
def test_the_error_for_a_wrong_or_missing_command_lists_the_commands(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = PlainParser(prog="shop")
    commands = parser.add_subparsers(metavar="import|export", required=True)
    commands.add_parser("import")
    commands.add_parser("export")
    with pytest.raises(SystemExit):
        parser.read(words)
    assert capsys.readouterr().err.startswith(f"shop: {said}\n")
