"""Advice fits the place where the program runs: what a person can type in a clone, or beside the compose files."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.command_line import run
from bot.doctor import doctor
from config import place
from config.project import ROOT
from config.settings import Settings

PROGRAMS = ("audio", "bot", "config", "hardware", "languages", "tts_server", "wire")
FOR_CLONES = (".venv/", "`make ", "pip install")
"""Parts of commands that work only in a clone of the repository."""


@pytest.fixture
def container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(place.CONTAINER_VARIABLE, "1")


def advice() -> list[str]:
    return [
        place.bot_command("models", "download", "piper-joe"),
        place.bot_command("restore FILE", python="python"),
        place.demo_command(),
        place.demo_command("--stay"),
        place.hub_command("owner/name"),
        place.how_to_set_token(),
        place.how_to_start(),
        place.how_to_talk_without_discord(),
        place.how_to_install("edge-tts", "deploy/requirements-cloud-voice.txt"),
        place.how_to_install_requirements(),
        place.how_to_install_xtts(),
    ]


def test_the_advice_in_a_clone_names_commands_that_work_there() -> None:
    assert not place.in_container()
    assert advice() == [
        ".venv/bin/python -m bot models download piper-joe",
        "python -m bot restore FILE",
        "make run",
        'make run ARGS="demo --stay"',
        ".venv/bin/hf download owner/name",
        "Set it in .env",
        "Type `make run`, which also fetches what is missing, or `.venv/bin/python -m bot`.",
        "type `.venv/bin/python -m bot talk`",
        "type `.venv/bin/pip install edge-tts`",
        "type `.venv/bin/pip install -r requirements.txt`",
        "type `make xtts`",
    ]


@pytest.mark.usefixtures("container")
def test_the_advice_in_a_container_names_commands_that_work_there() -> None:
    assert place.in_container()
    assert advice() == [
        "docker compose run --rm bot python -m bot models download piper-joe",
        "docker compose run --rm bot python -m bot restore FILE",
        "docker compose run --rm bot python -m bot demo",
        "docker compose run --rm bot python -m bot demo --stay",
        "docker compose run --rm bot hf download owner/name",
        "Write it to secrets/discord_token",
        "Type `docker compose up --detach`.",
        "add compose.page.yml to COMPOSE_FILE in .env, and type `docker compose up`",
        "add edge-tts to deploy/requirements-cloud-voice.txt, and type `docker compose build`",
        "type `docker compose build`",
        "add compose.nvidia.yml or compose.amd.yml to COMPOSE_FILE in .env, and type `docker compose build`",
    ]


def texts(module: Path) -> Iterator[tuple[int, str]]:
    """The module's strings without its docstrings, with their lines."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.lineno, node.value


def test_no_other_module_has_commands_that_work_only_in_clones() -> None:
    modules = [module for program in PROGRAMS for module in sorted((ROOT / program).rglob("*.py"))]
    own = Path(place.__file__)
    assert [
        f"{module.relative_to(ROOT)}:{line}: {text}"
        for module in modules
        if module != own
        for line, text in texts(module)
        if any(words in text for words in FOR_CLONES)
    ] == []


@pytest.mark.usefixtures("clean_environment", "container")
async def test_the_doctor_in_a_container_asks_for_no_file_of_settings() -> None:
    told = (await doctor._settings(Settings.read())).text
    assert told.startswith("they come from the container's environment")


@pytest.mark.usefixtures("clean_environment", "container")
def test_a_start_without_a_token_in_a_container_says_what_can_be_typed_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["run"]) == 2
    told = capsys.readouterr().err
    assert "Write it to secrets/discord_token." in told
    assert "add compose.page.yml to COMPOSE_FILE" in told
    assert "`docker compose run --rm bot python -m bot demo`" in told
