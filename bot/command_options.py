"""The commands and options of ``python -m bot``, with their help texts."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from config.plain_parser import PlainParser, refuse
from config.spelling import nearest
from config.version import VERSION

MAX_REHEARSAL = 3600
"""Length of the longest rehearsal, in seconds."""
COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "run": "Runs the bot on Discord, with DISCORD_TOKEN, and its page in the browser.",
        "talk": "Runs only the page, for calls in the browser without Discord.",
        "demo": "Shows a whole call: on a local Discord, with a scripted guest.",
        "rehearse": "Measures your engines in a call on a local Discord, and says what to change.",
        "setup": "Asks five questions, tests each answer, and writes .env.",
        "doctor": "Looks at everything, and says what is wrong.",
        "models": "Lists, downloads and checks the weights that Seiyuu can run.",
        "persona": "Makes a persona of a character card (PNG or JSON).",
        "knowledge": "Indexes the files of KNOWLEDGE_DIR, and searches them.",
        "memory": "Shows what is stored about a person, or deletes it.",
        "health": "Shows how the running bot is doing.",
        "backup": "Copies the bot's stored data into one file. It works while the bot is running, too.",
        "restore": "Brings back what a backup has saved. No bot may be running meanwhile.",
        "version": "Prints the version of Seiyuu.",
    }
)
"""The description of each command, in one sentence."""


def read_options(given: Sequence[str]) -> argparse.Namespace:
    """Parse the command and its options. ``command`` is ``None`` if none was given.

    Raises:
        SystemExit: help was requested (status 0), or the command or an option is unknown (status 2).
    """
    words = list(given)
    named = words[0] if words and not words[0].startswith("-") else None
    if named is not None and named not in COMMANDS:
        near = nearest(named, (*COMMANDS, "help"))
        meant = f"Did you mean {near}?" if near else f"There are: {', '.join(COMMANDS)}."
        refuse("python -m bot", f"there is no command {named!r}. {meant}")
    if named is None:
        return parser_of_all().read(words)
    return parser_of(named).read(words[1:], _default_options(named))


def run_version(given: Sequence[str]) -> int:
    """Print the version. Returns the exit status.

    Raises:
        SystemExit: help was requested, or there are unknown options.
    """
    read_options(given)
    print(f"Seiyuu {VERSION}")  # noqa: T201
    return 0


def parser_of_all() -> PlainParser:
    """The parser of the whole command line: one command or none, with the options of all commands."""
    # The commands come before the options, because that is what somebody new looks for.
    commands = "".join(f"\n  {name:10}{does}" for name, does in COMMANDS.items())
    parser = CommandParser(
        prog="python -m bot",
        description="A companion that you host yourself and talk with, in your browser or in a Discord voice channel.\n"
        f"\ncommands:{commands}\n\nWithout a command: run if DISCORD_TOKEN is set, else demo and then talk.\n"
        "`python -m bot COMMAND --help` shows the options of a command; health, models, persona, knowledge,\n"
        "memory, backup and restore have options of their own.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="python -m bot [COMMAND] [OPTION …]",
    )
    parser.add_argument("command", nargs="?", choices=tuple(COMMANDS), help=argparse.SUPPRESS)
    parser.add_argument("--version", action="version", version=f"Seiyuu {VERSION}")
    for add in dict.fromkeys(_OPTIONS.values()):
        of = " and ".join(command for command, its in _OPTIONS.items() if its is add)
        add(parser.add_argument_group(f"options of {of}"))
    return parser


def parser_of(command: str) -> PlainParser:
    """The parser of one command, with its own options only."""
    parser = CommandParser(prog=f"python -m bot {command}", description=COMMANDS[command])
    if command in _OPTIONS:
        _OPTIONS[command](parser)
    return parser


class CommandParser(PlainParser):
    """A parser whose errors name the command that an unknown option belongs to."""

    def unknown_word_message(self, word: str) -> str:
        """The error text for an unknown option. It names the command that has this option, or is meant by it."""
        option = word.split("=")[0]
        elsewhere = [command for command in _OPTIONS if option in parser_of(command)._option_string_actions]
        if elsewhere:
            return f"{option} is an option of {' and '.join(elsewhere)}: type python -m bot {elsewhere[0]} {option}."
        if option.startswith("--") and option[2:] in COMMANDS:
            return f"{option} is a command, without hyphens: type python -m bot {option[2:]}."
        return super().unknown_word_message(word)


def _default_options(command: str) -> argparse.Namespace:
    """The default values of all options of all commands."""
    options = parser_of_all().parse_args([])
    options.command = command
    return options


def _add_run_options(options: argparse._ActionsContainer) -> None:
    options.add_argument("--events", action="store_true", help="write what happens in calls as JSON lines")
    options.add_argument("--warm-up", action="store_true", help="with --events: load all engines at the start")
    options.add_argument(
        "--exit-with-parent",
        nargs="?",
        const=0,
        type=int,
        metavar="PID",
        help="end when the process that started the bot ends (Linux); PID is the id of that process",
    )
    options.add_argument(
        "--verbose",
        action="store_true",
        help="log everything that discord.py does, and tracebacks where a server can't be reached",
    )


def _add_demo_options(options: argparse._ActionsContainer) -> None:
    options.add_argument(
        "--stay",
        action="store_true",
        help="go on after the scripted call, and let you type to the bot, until Ctrl-C or Ctrl-D",
    )
    options.add_argument(
        "--once",
        action="store_true",
        help="without a command: end after the scripted call, in place of going on with talk",
    )
    options.add_argument(
        "--out",
        type=Path,
        default=None,
        metavar="FOLDER",
        help="where the WAV files go (default: DATA_DIR/demo)",
    )


def _add_rehearse_options(options: argparse._ActionsContainer) -> None:
    options.add_argument(
        "--seconds",
        type=_seconds,
        default=120.0,
        metavar="N",
        help="how long the guests ask questions, from 1 to 3600 (default: 120)",
    )
    options.add_argument("--yes", action="store_true", help="send requests to services that cost money without asking")
    options.add_argument(
        "--report",
        type=Path,
        default=None,
        metavar="FOLDER",
        help="where the figures and the bot's log go (default: DATA_DIR/rehearsal)",
    )


def _seconds(written: str) -> float:
    """A length in seconds from the command line; raises :class:`argparse.ArgumentTypeError`."""
    try:
        seconds = float(written)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= MAX_REHEARSAL:
        raise argparse.ArgumentTypeError(f"{written!r} is not a number from 1 to {MAX_REHEARSAL}")
    return seconds


def _add_doctor_options(options: argparse._ActionsContainer) -> None:
    options.add_argument("--json", action="store_true", help="write one JSON object, for programs")


_OPTIONS: Mapping[str, Callable[[argparse._ActionsContainer], None]] = MappingProxyType(
    {
        "run": _add_run_options,
        "talk": _add_run_options,
        "demo": _add_demo_options,
        "rehearse": _add_rehearse_options,
        "doctor": _add_doctor_options,
    }
)
"""For each command with options: the function that adds them to a parser. ``version`` has no options. The commands
``models``, ``health``, ``persona``, ``knowledge``, ``memory``, ``backup`` and ``restore`` define theirs themselves.
"""
