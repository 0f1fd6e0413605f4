"""What ``make run`` starts: the bot if there is a token. Otherwise the demonstration, and after it the page, if
somebody is there to open it.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from bot import command_line
from bot.command_line import run
from bot.demo import run as demonstration
from bot.voice.events import CallBegan
from bot.watching.console import CallConsole
from config.json_log import CALL
from config.settings import Settings

pytestmark = pytest.mark.usefixtures("clean_environment")

Program = Callable[..., object]


class Played:
    """Stand-ins for the programs, which note that they ran."""

    def __init__(self, demo_status: int) -> None:
        self.ran: list[str] = []
        self._demo_status = demo_status

    async def demo(self, *_: object) -> int:
        self.ran.append("demo")
        return self._demo_status

    async def talk(self, settings: Settings, watcher: CallConsole, when_warm: Callable[[], None]) -> int:
        self.ran.append("talk")
        when_warm()
        return 0

    async def bot(self, settings: Settings, watcher: CallConsole, when_warm: Callable[[], None]) -> int:
        self.ran.append("run")
        CALL.set("5f3a9c01d2e7")
        watcher(CallBegan("discord", "Lounge", True, call="5f3a9c01d2e7"))
        logging.getLogger("bot.x").warning("Late")
        return 0


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, list[str]]]:
    """Run a command line. Returns the exit status and the programs that ran."""

    def play(*arguments: str, demo_status: int = 0, terminal: bool = True) -> tuple[int, list[str]]:
        played = Played(demo_status)
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: terminal))
        monkeypatch.setattr(demonstration, "run_demo", played.demo)
        monkeypatch.setattr(command_line, "run_talk", played.talk)
        monkeypatch.setattr(command_line, "run_bot", played.bot)
        return run([*arguments]), played.ran

    return play


Play = Callable[..., tuple[int, list[str]]]


def test_at_a_terminal_the_page_follows_the_demonstration(play: Play, capsys: pytest.CaptureFixture[str]) -> None:
    assert play() == (0, ["demo", "talk"])
    assert capsys.readouterr().out.splitlines() == ["Ready."]


def test_the_page_follows_a_demonstration_that_failed_too(play: Play) -> None:
    assert play(demo_status=1) == (0, ["demo", "talk"])


@pytest.mark.parametrize("demo_status", [0, 1])
def test_only_the_demonstration_is_played_without_a_terminal_or_if_the_command_line_asks_for_it(
    play: Play, demo_status: int
) -> None:
    assert play(demo_status=demo_status, terminal=False) == (demo_status, ["demo"])
    assert play("--once", demo_status=demo_status) == (demo_status, ["demo"])
    assert play("demo", demo_status=demo_status) == (demo_status, ["demo"])
    assert play("--stay", demo_status=demo_status) == (demo_status, ["demo"])


@pytest.mark.parametrize("demo_status", [2, 130, 143])
def test_after_a_wrong_setting_or_a_signal_nothing_follows(play: Play, demo_status: int) -> None:
    assert play(demo_status=demo_status) == (demo_status, ["demo"])


def test_with_a_token_the_bot_runs(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "x")
    assert play() == (0, ["run"])
    assert play("talk") == (0, ["talk"])


@pytest.mark.parametrize(("calls", "mark", "in_log"), [("1", "", ""), ("2", "[Lounge 5f3a] ", "[5f3a] ")])
def test_the_console_and_the_log_name_the_call_if_there_can_be_several(
    play: Play,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    calls: str,
    mark: str,
    in_log: str,
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "x")
    monkeypatch.setenv("MAX_CALLS", calls)
    # `logging.basicConfig` does nothing if the root logger has handlers, and pytest has given it some. Handlers and
    # level are restored after the test.
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setattr(logging.getLogger(), "level", logging.getLogger().level)
    assert play() == (0, ["run"])
    printed = capsys.readouterr()
    assert f"📞 {mark}Seiyuu is in Lounge" in printed.out
    assert printed.err.splitlines()[-1].endswith(f" WARNING {in_log}bot.x: Late")


def test_the_option_once_is_refused_outside_of_the_demonstration(
    play: Play, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "x")
    assert play("--once") == (2, [])
    assert '--once is for the demonstration. Type `make run ARGS="demo --once"`' in capsys.readouterr().err
